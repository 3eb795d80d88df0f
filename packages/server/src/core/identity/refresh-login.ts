import { refreshLoginSchema, type Login, type RefreshLogin } from '@holdfast/protocol';
import { recordAudit, type Auditor } from '../audit/index.ts';
import { DomainError } from '../errors.ts';
import type { Tx } from '../ports.ts';
import { updateLoginsRevoked } from './login-queries.ts';
import {
  findRefreshToken,
  insertRefreshToken,
  lockRefreshToken,
  updateTokenUsed,
} from './refresh-queries.ts';
import { hashRefreshToken, isRefreshToken, makeSalt, successorOf } from './refresh-token.ts';
import { selectSeat } from './seat-queries.ts';
import type { IdentityServices, Origin } from './types.ts';

/**
 * How long a used token still leads to its successor, milliseconds: the answer may have been lost, or two
 * windows may have asked at once. Whoever comes later is a thief, or was robbed.
 */
const GRACE_MS = 60_000;

/**
 * Exchanges a refresh token for a new access token and the next refresh token. A token is of use once: when an
 * old one comes back, the login ends, as it cannot be told which of the two holders is the thief.
 * @throws DomainError UNAUTHORIZED, the same whatever is wrong with it; VALIDATION_ERROR
 */
export async function refreshLogin(
  services: IdentityServices,
  input: RefreshLogin,
  origin: Origin = {},
): Promise<Login> {
  const { refresh_token: token } = refreshLoginSchema.parse(input);
  const { db, clock, tokens } = services;
  const refused = new DomainError('UNAUTHORIZED', 'The refresh token is not valid.');
  const hash = hashRefreshToken(token);
  const found = isRefreshToken(token) ? await findRefreshToken(db, hash) : null;
  if (found === null) throw refused;
  const { user_id: userId, tenant_id: tenantId, login_id: loginId, expires_at: end } = found;
  const seat = await selectSeat(db, userId, tenantId);
  if (seat === null) throw refused;
  // Signed first: what fails after the token is used up would cost the caller its login.
  const access = await tokens.issue({ userId, tenantId, loginId, notAfter: end.getTime() });
  const who: Auditor = { tenantId, actor: `user:${userId}`, ...origin };
  const next = await db.transaction((tx) => useToken(tx, who, { token, hash, now: new Date(clock.now()) }));
  if (next === null) throw refused;
  return {
    accessToken: access.token,
    expiresAt: new Date(access.expiresAt).toISOString(),
    user: seat.user,
    tenantId,
    tenantName: seat.tenant.name,
    refreshToken: next,
    refreshExpiresAt: end.toISOString(),
  };
}

/** @returns the successor; null when the token is of no use, or was used before and has now ended its login */
async function useToken(
  tx: Tx,
  who: Auditor,
  { token, hash, now }: { token: string; hash: string; now: Date },
): Promise<string | null> {
  const row = await lockRefreshToken(tx, hash);
  if (row === null || row.revoked_at !== null || row.expires_at <= now) return null;
  const { login_id: loginId, used_at: usedAt } = row;
  const targets = [{ type: 'login', id: loginId }];
  if (usedAt === null) {
    const salt = makeSalt();
    const next = successorOf(token, salt);
    await updateTokenUsed(tx, { hash, loginId, salt, now });
    await insertRefreshToken(tx, { hash: hashRefreshToken(next), loginId, now });
    await recordAudit(tx, who, { action: 'token.refreshed', targets });
    return next;
  }
  // No salt: the successor has been used as well, so its holder had the answer.
  if (row.salt !== null && now.getTime() - usedAt.getTime() <= GRACE_MS) return successorOf(token, row.salt);
  await updateLoginsRevoked(tx, row.user_id, { only: loginId, now });
  const details = { reason: 'refresh_token_reused' };
  await recordAudit(tx, who, { action: 'token.refreshed', targets, outcome: 'denied', details });
  await recordAudit(tx, who, { action: 'login.revoked', targets, details });
  return null;
}
