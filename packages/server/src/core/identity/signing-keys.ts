import { rotateSigningKeySchema, type RotateSigningKey, type SigningKey } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { auditor, recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { transactOnce } from '../once/index.ts';
import { iso } from '../wire.ts';
import { requireOperator } from './operator.ts';
import {
  findActiveKey,
  lockRotation,
  replaceActiveKey,
  selectSigningKeys,
  type SigningKeyRow,
} from './signing-key-queries.ts';
import type { IdentityServices } from './types.ts';

/** The keys that sign login tokens, newest first, retired ones too. @throws FORBIDDEN for all but an operator */
export async function listSigningKeys(ctx: Ctx): Promise<SigningKey[]> {
  await requireOperator(ctx);
  const now = ctx.clock.now();
  return (await selectSigningKeys(ctx.db)).map((row) => toSigningKey(row, now));
}

/**
 * Makes the key that signs from now on. Older ones verify for `overlap_seconds` more, the life of a token unless
 * told; with 0 every token out there ends, on each server within ten seconds, and clients refresh.
 * @throws FORBIDDEN for all but an operator; VALIDATION_ERROR
 */
export async function rotateSigningKey(
  ctx: Ctx & Pick<IdentityServices, 'tokens'>,
  input: RotateSigningKey,
): Promise<SigningKey> {
  await requireOperator(ctx);
  const { overlap_seconds } = rotateSigningKeySchema.parse(input);
  const now = ctx.clock.now();
  const overlapMs = overlap_seconds === undefined ? ctx.tokens.ttlMs : overlap_seconds * 1000;
  return transactOnce(ctx, 'signing_key.rotate', input, async (tx) => {
    await lockRotation(tx);
    const before = await findActiveKey(tx);
    const row = await replaceActiveKey(tx, {
      kid: newId(),
      createdBy: ctx.principal.actor,
      now: new Date(now),
      retiresAt: new Date(now + overlapMs),
    });
    await recordAudit(tx, auditor(ctx), {
      action: 'signing_key.rotated',
      targets: [{ type: 'signing_key', id: row.kid }],
      before: { active: before },
      after: { active: row.kid },
      details: { overlap_seconds: overlapMs / 1000 },
    });
    return toSigningKey(row, now);
  });
}

function toSigningKey({ kid, created_at, created_by, retires_at }: SigningKeyRow, now: number): SigningKey {
  const status = retires_at === null ? 'active' : retires_at.getTime() > now ? 'verify_only' : 'retired';
  return { kid, status, created_at: iso(created_at), created_by, retires_at: iso(retires_at) };
}
