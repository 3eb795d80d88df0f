import { randomUUID } from 'node:crypto';
import { loadConfig } from '../packages/server/src/config.ts';
import { SCOPES, type Ctx } from '../packages/server/src/core/context.ts';
import { bootstrap, createApiKey } from '../packages/server/src/core/identity/index.ts';
import { createAccounts, loadSigningSecret } from '../packages/server/src/infra/auth/index.ts';
import { systemClock } from '../packages/server/src/infra/clock/system-clock.ts';
import { openDb, type DbOptions } from '../packages/server/src/infra/db/index.ts';

type Database = Awaited<ReturnType<typeof openDb>>;

/** A second tenant: the API cannot make one yet, and isolation needs two. */
async function addTenant(db: Database): Promise<string | null> {
  const tenantId = randomUUID();
  await db.kysely.insertInto('tenants').values({ id: tenantId, name: 'Other' }).execute();
  const principal: Ctx['principal'] = {
    kind: 'server',
    tenantId,
    actor: 'system',
    userId: null,
    scopes: new Set(SCOPES),
    expiresAt: null,
  };
  const ctx = { db, clock: systemClock, principal } as unknown as Ctx;
  return (await createApiKey(ctx, { name: 'Other key', scopes: [...SCOPES] })).secret;
}

// Prepares an empty database for the conformance suite, before its server starts; prints the keys as JSON.
const config = loadConfig();
const options: DbOptions = { databaseUrl: config.database.url, dataDir: config.dataDir };
const db = await openDb(options);
const secret = config.identity.jwtSecret ?? loadSigningSecret(config.dataDir);
const first = await bootstrap({ db, accounts: createAccounts(db, secret) }, config.identity);
console.log(JSON.stringify({ apiKey: first?.apiKey, otherApiKey: await addTenant(db) }));
await db.close();
