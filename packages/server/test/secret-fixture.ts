import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ctx, Services } from '../src/core/context.ts';
import type { Db, KeyRing } from '../src/core/ports.ts';
import { createSecret, createSecrets } from '../src/features/secret/index.ts';
import { createLocalBus } from '../src/infra/bus/local-bus.ts';
import { systemClock } from '../src/infra/clock/system-clock.ts';
import { openDb, type DbOptions } from '../src/infra/db/index.ts';
import { freshPostgres, openHarness, silentLogger, type Engine, type Harness } from './harness.ts';

/** A database of its own: re-wrapping goes over everything in it. */
export interface SecretWorld {
  readonly db: Db;
  /** For another process, once this one has closed its own. */
  readonly env: Record<string, string>;
  services(keyRing: KeyRing): Services;
  /** A new tenant's admin, on a server with that ring. */
  tenant(keyRing: KeyRing): Promise<Ctx>;
  /** Closes the database and opens it again, to let another process have it in between. */
  lend(work: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export async function openSecretWorld(engine: Engine): Promise<SecretWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-secrets-'));
  const options: DbOptions =
    engine === 'pglite'
      ? { dataDir: folder }
      : { dataDir: null, databaseUrl: await freshPostgres(), poolMax: 10 };
  let db = await openDb(options);
  const h: Harness = await openHarness({ engine });
  const services = (keyRing: KeyRing): Services => {
    const parts = { db, bus: createLocalBus(), clock: systemClock, logger: silentLogger, keyRing };
    return { ...h.services, ...parts, secrets: createSecrets(parts) };
  };
  return {
    get db() {
      return db;
    },
    env: {
      DATA_DIR: folder,
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
    },
    services,
    async tenant(keyRing) {
      const tenantId = randomUUID();
      await db.kysely.insertInto('tenants').values({ id: tenantId, name: 'Test' }).execute();
      return h.ctxFor({ tenantId, services: services(keyRing) });
    },
    async lend(work) {
      await db.close();
      try {
        await work();
      } finally {
        db = await openDb(options);
      }
    },
    async close() {
      await h.close();
      await db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Makes that many secrets, named and valued by their number. */
export async function makeSecrets(ctx: Ctx, count: number, prefix = 's'): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    await createSecret(ctx, { name: `${prefix}-${at}`, kind: 'other', value: `value of ${prefix}-${at}` });
  }
}

/** Reads a secret of that name as the server of `services` would. */
export function readSecret(services: Services, tenantId: string, name: string): Promise<string> {
  return services.secrets.resolve({ tenantId, name, actor: 'test', purpose: 'test' });
}
