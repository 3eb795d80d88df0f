import { verifyTwoFactorSchema, type Login, type VerifyTwoFactor } from '@holdfast/protocol';
import { recordAudit, SYSTEM_TENANT, type Auditor } from '../audit/index.ts';
import { DomainError } from '../errors.ts';
import { findHome, hashChallenge, issueLogin } from '../identity/index.ts';
import type { Tx } from '../ports.ts';
import { claimAttempt, findChallenge, updateChallengeUsed, type Challenge } from './challenge-queries.ts';
import { readProof, type Proof } from './proof.ts';
import { findFactor } from './queries.ts';
import { limitCodes } from './refuse.ts';
import type { OpenTwoFactorCtx } from './types.ts';

interface Attempt {
  hash: string;
  challenge: Challenge;
  proof: Proof;
}

/**
 * The second step of a login: the challenge that the first was answered with, and a code.
 * A challenge serves one login, lives five minutes and bears five codes.
 * @throws DomainError UNAUTHORIZED for a wrong or used code, and for a challenge that has ended; VALIDATION_ERROR;
 *   RATE_LIMIT
 */
export async function verifyTwoFactor(ctx: OpenTwoFactorCtx, input: VerifyTwoFactor): Promise<Login> {
  const { challenge_token: token, ...given } = verifyTwoFactorSchema.parse(input);
  const hash = hashChallenge(token);
  const challenge = await findChallenge(ctx.db, { hash, now: new Date(ctx.clock.now()) });
  if (challenge === null) throw challengeEnded();
  const userId = challenge.user_id;
  await limitCodes(ctx, userId);
  const factor = await findFactor(ctx.db, userId);
  if (factor === null || factor.enabled_at === null) throw challengeEnded();
  const proof = await readProof(ctx, { userId, factor, given });
  const passed = await ctx.db.transaction((tx) => judge(ctx, tx, { hash, challenge, proof }));
  if (!passed) throw new DomainError('UNAUTHORIZED', 'The code is wrong or was used already.');
  const { client, requestId } = ctx;
  const tenantId = challenge.tenant_id ?? undefined;
  return issueLogin(ctx, { userId, tenantId, method: proof.method, client, requestId });
}

function challengeEnded(): DomainError {
  return new DomainError('UNAUTHORIZED', 'This challenge has ended.', {
    suggestion: 'Log in with the password again.',
  });
}

/** One attempt, counted whatever comes of it. @returns whether the code was right, and now is used up */
async function judge(
  ctx: OpenTwoFactorCtx,
  tx: Tx,
  { hash, challenge: { user_id: userId, tenant_id: tenantId }, proof }: Attempt,
): Promise<boolean> {
  const now = new Date(ctx.clock.now());
  if (!(await claimAttempt(tx, { hash, now }))) throw challengeEnded();
  const passed = await proof.claim(tx);
  if (passed) await updateChallengeUsed(tx, { hash, now });
  const home = tenantId ?? (await findHome(tx, userId))?.id ?? SYSTEM_TENANT;
  const { client, requestId } = ctx;
  const who: Auditor = { tenantId: home, actor: passed ? `user:${userId}` : 'anonymous', client, requestId };
  const targets = [{ type: 'user', id: userId }];
  if (!passed) {
    const details = { method: proof.method };
    await recordAudit(tx, who, { action: 'two_factor.failed', targets, outcome: 'failure', details });
  } else if (proof.method === 'backup_code') {
    await recordAudit(tx, who, { action: 'backup_code.used', targets });
  }
  return passed;
}
