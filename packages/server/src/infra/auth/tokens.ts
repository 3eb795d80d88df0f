import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { JWSSignatureVerificationFailed } from 'jose/errors';
import { SignJWT } from 'jose/jwt/sign';
import { jwtVerify } from 'jose/jwt/verify';
import type { Clock, SigningKeys, TokenClaims, Tokens } from '../../core/ports.ts';

const ALGORITHM = 'HS256';
const ISSUER = 'holdfast';
const AUDIENCE = 'holdfast-api';
/** Each takes about half a kilobyte. */
const MAX_VERIFIED = 10_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface TokenOptions {
  /** The installation's secret, at least 32 characters. */
  secret: string;
  /** Tokens of this one are taken too, while the secret itself is replaced. */
  previousSecret?: string;
  keys: SigningKeys;
  ttlMs: number;
  clock: Clock;
}

type Payload = Record<'sub' | 'tid' | 'sid', unknown> & { exp?: number };

/** The key of a kid takes the secret and the kid: the table of kids alone signs nothing. */
function deriveKey(secret: string, kid: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', `holdfast login token ${kid}`, 32)));
}

/** Keys derived so far; only for kids that are known to be ours, so it stays small. */
class DerivedKeys {
  readonly #secrets: readonly string[];
  readonly #keys = new Map<string, KeyObject[]>();

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** Of the current secret first. */
  of(kid: string): KeyObject[] {
    let keys = this.#keys.get(kid);
    if (keys === undefined) {
      keys = this.#secrets.map((secret) => deriveKey(secret, kid));
      this.#keys.set(kid, keys);
    }
    return keys;
  }
}

/** Tokens whose signature was right: checking one again and again would cost as much as the rest of a request. */
class VerifiedTokens {
  readonly #claims = new Map<string, TokenClaims>();

  /** Null also for one that has expired since. */
  find(token: string, now: number): TokenClaims | null {
    const claims = this.#claims.get(token);
    return claims !== undefined && claims.expiresAt > now ? claims : null;
  }

  keep(token: string, claims: TokenClaims): void {
    if (this.#claims.size >= MAX_VERIFIED) this.#claims.delete(this.#claims.keys().next().value!);
    this.#claims.set(token, claims);
  }
}

/** JWT signed with HS256 by rotating keys: `sub` is the user, `tid` the tenant, `sid` the login. */
export function createTokens({ secret, previousSecret, keys, ttlMs, clock }: TokenOptions): Tokens {
  const derived = new DerivedKeys(previousSecret === undefined ? [secret] : [secret, previousSecret]);
  const verified = new VerifiedTokens();
  return {
    ttlMs,
    async issue({ userId, tenantId, loginId, notAfter }) {
      const kid = await keys.active();
      const issuedAt = Math.floor(clock.now() / 1000);
      const usualEnd = issuedAt + Math.max(1, Math.floor(ttlMs / 1000));
      const expiresAt = Math.min(usualEnd, Math.floor(notAfter / 1000));
      const token = await new SignJWT({ tid: tenantId, sid: loginId })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(userId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(derived.of(kid)[0]!);
      return { token, expiresAt: expiresAt * 1000 };
    },
    async verify(token) {
      const kid = readKid(token);
      if (kid === null || !(await keys.verifies(kid))) return null;
      const known = verified.find(token, clock.now());
      if (known !== null) return known;
      for (const key of derived.of(kid)) {
        const result = await check(token, key, clock);
        if (result === 'another key') continue;
        if (result !== null) verified.keep(token, result);
        return result;
      }
      return null;
    },
  };
}

/** Of a header that one of our own tokens could have; the header is not trusted for anything else. */
function readKid(token: string): string | null {
  try {
    const text = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString();
    const { alg, kid } = JSON.parse(text) as { alg?: unknown; kid?: unknown };
    return alg === ALGORITHM && typeof kid === 'string' && UUID.test(kid) ? kid : null;
  } catch {
    return null;
  }
}

async function check(
  token: string,
  key: KeyObject,
  clock: Clock,
): Promise<TokenClaims | null | 'another key'> {
  try {
    const { payload } = await jwtVerify<Payload>(token, key, {
      algorithms: [ALGORITHM],
      typ: 'JWT',
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'sub', 'tid', 'sid'],
      currentDate: new Date(clock.now()),
    });
    return toClaims(payload);
  } catch (error) {
    return error instanceof JWSSignatureVerificationFailed ? 'another key' : null;
  }
}

function toClaims({ sub, tid, sid, exp }: Payload): TokenClaims | null {
  if (typeof sub !== 'string' || sub.includes('\0')) return null;
  if (typeof tid !== 'string' || !UUID.test(tid) || typeof sid !== 'string' || !UUID.test(sid)) return null;
  return { userId: sub, tenantId: tid, loginId: sid, expiresAt: exp! * 1000 };
}
