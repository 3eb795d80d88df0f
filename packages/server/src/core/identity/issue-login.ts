import type { Login } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { recordAudit } from '../audit/index.ts';
import type { Client } from '../context.ts';
import { insertLogin } from './login-queries.ts';
import { insertRefreshToken } from './refresh-queries.ts';
import { hashRefreshToken, makeRefreshToken } from './refresh-token.ts';
import { findSeat } from './seat.ts';
import type { IdentityServices } from './types.ts';

/** What proved who it is: shown in the audit log. */
export type LoginMethod = 'password' | 'totp' | 'backup_code';

export interface NewLogin {
  userId: string;
  /** The team to log in to; the one that the user joined first when left out. */
  tenantId?: string;
  client?: Client;
  requestId?: string;
  /** Default `password`. */
  method?: LoginMethod;
}

/**
 * Makes a login of a user whose every factor was checked: a row with an id of the server's own making,
 * a token, and the first refresh token.
 * @throws DomainError NOT_FOUND when the user is not in `tenantId`, UNAUTHORIZED when in no team at all
 */
export async function issueLogin(services: IdentityServices, login: NewLogin): Promise<Login> {
  const { db, clock, tokens, loginTtlMs } = services;
  const { userId, client, requestId, method = 'password' } = login;
  const { user, tenant } = await findSeat(db, userId, login.tenantId);
  const id = newId();
  const now = new Date(clock.now());
  const expiresAt = new Date(now.getTime() + Math.max(loginTtlMs, tokens.ttlMs));
  const refreshToken = makeRefreshToken();
  const access = await tokens.issue({
    userId,
    tenantId: tenant.id,
    loginId: id,
    notAfter: expiresAt.getTime(),
  });
  await db.transaction(async (tx) => {
    const place = { ip: client?.ip ?? null, userAgent: client?.userAgent?.slice(0, 512) ?? null };
    await insertLogin(tx, { id, userId, tenantId: tenant.id, ...place, now, expiresAt });
    await insertRefreshToken(tx, { hash: hashRefreshToken(refreshToken), loginId: id, now });
    await recordAudit(
      tx,
      { tenantId: tenant.id, actor: `user:${userId}`, client, requestId },
      { action: 'login.succeeded', targets: [{ type: 'login', id }], details: { method } },
    );
  });
  return {
    accessToken: access.token,
    expiresAt: new Date(access.expiresAt).toISOString(),
    user,
    tenantId: tenant.id,
    tenantName: tenant.name,
    refreshToken,
    refreshExpiresAt: expiresAt.toISOString(),
  };
}
