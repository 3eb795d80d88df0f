import { randomBytes } from 'node:crypto';
import { v7 as newId } from 'uuid';
import { recordAudit } from '../audit/index.ts';
import { SCOPES } from '../context.ts';
import { insertKey } from './key-queries.ts';
import { hasTenant, insertMember, insertTenant, lockBootstrap } from './queries.ts';
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
    await insertTenant(tx, { tenantId, projectId, name: 'Default', isHome: true });
    await insertMember(tx, { tenantId, userId: owner.id, role: 'owner' });
    const { secret, prefix, hash } = makeSecret();
    const keyId = newId();
    await insertKey(tx, {
      tenant_id: tenantId,
      id: keyId,
      name: 'First key',
      prefix,
      key_hash: hash,
      scopes: [...SCOPES],
      created_by: `user:${owner.id}`,
      expires_at: null,
    });
    await recordAudit(
      tx,
      { tenantId, actor: 'server:bootstrap' },
      {
        action: 'tenant.created',
        targets: [
          { type: 'tenant', id: tenantId, name: 'Default' },
          { type: 'project', id: projectId, name: 'Default' },
          { type: 'user', id: owner.id, name: owner.name },
          { type: 'api_key', id: keyId, name: 'First key' },
        ],
        after: { name: 'Default', owner: `user:${owner.id}` },
      },
    );
    return { tenantId, projectId, email: owner.email, password: generated, apiKey: secret };
  });
}
