import type { Principal } from '../context.ts';
import { DomainError } from '../errors.ts';
import { findKeyByHash } from './key-queries.ts';
import { findLogin } from './login-queries.ts';
import { scopesOfRole } from './role.ts';
import { hashSecret, isSecret, startsLikeSecret } from './secret.ts';
import type { Credential, IdentityServices } from './types.ts';

/** Longer than any credential we give out. */
const MAX_LENGTH = 4096;

/**
 * Who shows this credential. A bearer may be a login token or an API key. Either costs one look-up,
 * so a revoked key, an ended login and a removed member lose access at once.
 * @throws DomainError UNAUTHORIZED, the same whatever is wrong with it.
 */
export async function authenticate(services: IdentityServices, credential: Credential): Promise<Principal> {
  const principal = await findPrincipal(services, credential);
  if (principal === null) throw new DomainError('UNAUTHORIZED', 'The credential is not valid.');
  return principal;
}

/** The same, with null for whatever is not valid. */
export function findPrincipal(
  services: IdentityServices,
  { kind, value }: Credential,
): Promise<Principal | null> {
  if (value.length > MAX_LENGTH) return Promise.resolve(null);
  if (kind === 'api_key' || startsLikeSecret(value)) return findKeyHolder(services, value);
  return findUser(services, value);
}

async function findKeyHolder(services: IdentityServices, secret: string): Promise<Principal | null> {
  const { db, clock, sightings } = services;
  if (!isSecret(secret)) return null;
  const key = await findKeyByHash(db, hashSecret(secret));
  if (key === null || key.revoked_at !== null) return null;
  const expiresAt = key.expires_at?.getTime() ?? null;
  if (expiresAt !== null && expiresAt <= clock.now()) return null;
  sightings.noteKey({ tenantId: key.tenant_id, id: key.id }, key.last_used_at);
  return {
    kind: 'api_key',
    tenantId: key.tenant_id,
    actor: `key:${key.id}`,
    userId: null,
    tier: key.tier,
    rotation: key.rotations,
    scopes: new Set(key.scopes),
    expiresAt,
  };
}

async function findUser(services: IdentityServices, token: string): Promise<Principal | null> {
  const { db, clock, tokens, sightings } = services;
  const claims = await tokens.verify(token);
  if (claims === null) return null;
  const { userId, tenantId, loginId, expiresAt } = claims;
  const login = await findLogin(db, claims);
  if (login === null || login.revoked_at !== null || login.expires_at.getTime() <= clock.now()) return null;
  sightings.noteLogin(loginId, login.last_seen_at);
  return {
    kind: 'user',
    tenantId,
    actor: `user:${userId}`,
    userId,
    tier: login.tier,
    loginId,
    scopes: scopesOfRole(login.role),
    expiresAt,
  };
}
