import { createSecretKey } from 'node:crypto';
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
import type { Clock, TokenClaims, Tokens } from '../../core/ports.ts';

const ALGORITHM = 'HS256';
const ISSUER = 'holdfast';
const AUDIENCE = 'holdfast-api';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface TokenOptions {
  /** At least 32 characters. */
  secret: string;
  ttlMs: number;
  clock: Clock;
}

/** JWT signed with HS256; `sub` is the user, `tid` the tenant. */
export function createTokens({ secret, ttlMs, clock }: TokenOptions): Tokens {
  const key = createSecretKey(Buffer.from(secret, 'utf8'));
  return {
    async issue({ userId, tenantId }) {
      const issuedAt = Math.floor(clock.now() / 1000);
      const expiresAt = issuedAt + Math.max(1, Math.floor(ttlMs / 1000));
      const token = await new SignJWT({ tid: tenantId })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(userId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(key);
      return { token, expiresAt: expiresAt * 1000 };
    },
    async verify(token) {
      try {
        const { payload } = await jwtVerify<{ tid: unknown }>(token, key, {
          algorithms: [ALGORITHM],
          issuer: ISSUER,
          audience: AUDIENCE,
          requiredClaims: ['exp', 'sub', 'tid'],
          currentDate: new Date(clock.now()),
        });
        return toClaims(payload);
      } catch {
        return null;
      }
    },
  };
}

function toClaims({ sub, tid, exp }: { sub?: unknown; tid: unknown; exp?: number }): TokenClaims | null {
  if (typeof sub !== 'string' || sub.includes('\0') || typeof tid !== 'string' || !UUID.test(tid))
    return null;
  return { userId: sub, tenantId: tid, expiresAt: exp! * 1000 };
}
