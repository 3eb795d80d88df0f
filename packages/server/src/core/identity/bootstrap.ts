import { randomBytes } from 'node:crypto';
import { v7 as newId } from 'uuid';
import { SCOPES } from '../context.ts';
import { hasTenant, insertKey, insertMember, insertTenant, lockBootstrap } from './queries.ts';
import { makeSecret } from './secret.ts';
import type { IdentityServices } from './types.ts';

export interface BootstrapInput {
  adminEmail: string;
  /** Generated when left out. */
  adminPassword?: string;
}

/** To be printed once: the key and a generated password cannot be had again. */
export interface FirstCredentials {
  tenantId: string;
  projectId: string;
  email: string;
  /** Null when it was given. */
  password: string | null;
  apiKey: string;
}

/**
 * Gives an empty database its tenant, owner, project and API key, in one transaction.
 * @returns null when there is a tenant already, also when another server was faster.
 */
export async function bootstrap(
  services: Pick<IdentityServices, 'db' | 'accounts'>,
  { adminEmail, adminPassword }: BootstrapInput,
): Promise<FirstCredentials | null> {
  if (await hasTenant(services.db)) return null;
  const generated = adminPassword === undefined ? randomBytes(15).toString('base64url') : null;
  return services.db.transaction(async (tx) => {
    await lockBootstrap(tx);
    if (await hasTenant(tx)) return null;
    const tenantId = newId();
    const projectId = newId();
    const password = adminPassword ?? generated!;
    const owner = await services.accounts.createUser(tx, { email: adminEmail, name: 'Owner', password });
    await insertTenant(tx, { tenantId, projectId, name: 'Default' });
    await insertMember(tx, { tenantId, userId: owner.id, role: 'owner' });
    const { secret, prefix, hash } = makeSecret();
    await insertKey(tx, {
      tenant_id: tenantId,
      id: newId(),
      name: 'First key',
      prefix,
      key_hash: hash,
      scopes: [...SCOPES],
      created_by: `user:${owner.id}`,
      expires_at: null,
    });
    return { tenantId, projectId, email: owner.email, password: generated, apiKey: secret };
  });
}
