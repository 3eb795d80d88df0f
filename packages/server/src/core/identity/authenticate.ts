import type { Principal } from '../context.ts';
import { DomainError } from '../errors.ts';
import { findKeyByHash, findRole } from './queries.ts';
import { scopesOfRole } from './role.ts';
import { hashSecret, isSecret, startsLikeSecret } from './secret.ts';
import type { Credential, IdentityServices } from './types.ts';

/** Longer than any credential we give out. */
const MAX_LENGTH = 4096;

/**
 * Who shows this credential. A bearer may be a login token or an API key. Either costs one look-up,
 * so a revoked key and a removed member lose access at once.
 * @throws DomainError UNAUTHORIZED, the same whatever is wrong with it.
 */
export async function authenticate(services: IdentityServices, credential: Credential): Promise<Principal> {
  const principal = await findPrincipal(services, credential);
  if (principal === null) throw new DomainError('UNAUTHORIZED', 'The credential is not valid.');
  return principal;
}

function findPrincipal(services: IdentityServices, { kind, value }: Credential): Promise<Principal | null> {
  if (value.length > MAX_LENGTH) return Promise.resolve(null);
  if (kind === 'api_key' || startsLikeSecret(value)) return findKeyHolder(services, value);
  return findUser(services, value);
}

async function findKeyHolder({ db, clock }: IdentityServices, secret: string): Promise<Principal | null> {
  if (!isSecret(secret)) return null;
  const key = await findKeyByHash(db, hashSecret(secret));
  if (key === null || key.revoked_at !== null) return null;
  const expiresAt = key.expires_at?.getTime() ?? null;
  if (expiresAt !== null && expiresAt <= clock.now()) return null;
  return {
    kind: 'api_key',
    tenantId: key.tenant_id,
    actor: `key:${key.id}`,
    userId: null,
    scopes: new Set(key.scopes),
    expiresAt,
  };
}

async function findUser({ db, tokens }: IdentityServices, token: string): Promise<Principal | null> {
  const claims = await tokens.verify(token);
  if (claims === null) return null;
  const { userId, tenantId, expiresAt } = claims;
  const role = await findRole(db, tenantId, userId);
  if (role === null) return null;
  return { kind: 'user', tenantId, actor: `user:${userId}`, userId, scopes: scopesOfRole(role), expiresAt };
}
