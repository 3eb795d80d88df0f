import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES, silentLogger } from '../../../test/harness.ts';
import { createMember, identityFor } from '../../../test/identity-harness.ts';
import { testKeyRing, testKeys } from '../../../test/key-ring.ts';
import { makeSecrets, openSecretWorld, readSecret, type SecretWorld } from '../../../test/secret-fixture.ts';
import type { Ctx, Services } from '../../core/context.ts';
import {
  addSecretVersion,
  continueRewrap,
  countOutdated,
  createSecret,
  deleteSecret,
  disableSecretVersion,
  getSecretStatus,
  listSecrets,
  rewrapPass,
  startRewrap,
} from './index.ts';

const ROOT = join(import.meta.dirname, '../../../../..');
const OLD = testKeyRing('old');
const BOTH = testKeyRing('new', 'old');
const NEW = testKeyRing('new');

describe.each(ENGINES)('re-wrapping on %s', (engine) => {
  let world: SecretWorld;
  let old: Ctx;
  let server: Services;
  beforeAll(async () => {
    world = await openSecretWorld(engine);
  }, 60_000);
  afterAll(() => world.close());
  beforeEach(async () => {
    await world.db.kysely.deleteFrom('secrets').execute();
    await world.db.kysely.deleteFrom('secret_rewraps').execute();
    old = await world.tenant(OLD);
    server = world.services(BOTH);
  });

  const rows = () =>
    world.db.kysely
      .selectFrom('secret_versions')
      .selectAll()
      .orderBy('secret_id')
      .orderBy('version')
      .execute();
  const expectReadable = async (services: Services, count: number, ctx = old, prefix = 's') => {
    for (let at = 0; at < count; at += 1) {
      const value = await readSecret(services, ctx.principal.tenantId, `${prefix}-${at}`);
      expect(value).toBe(`value of ${prefix}-${at}`);
    }
  };

  test('BF-5.4.c every version of every tenant comes under the current key, its cipher text untouched', async () => {
    const other = await world.tenant(OLD);
    await makeSecrets(old, 12);
    await makeSecrets(other, 11);
    for (const { id } of (await listSecrets(old, { limit: 5 })).items) {
      await addSecretVersion(old, id, { value: 'a later value' });
      await disableSecretVersion(old, id, 2);
    }
    const before = await rows();
    expect(await countOutdated(server)).toBe(28);
    expect(await rewrapPass(server, { batch: 10 })).toEqual({ rewrapped: 28, failed: 0 });
    const after = await rows();
    expect(after.map(({ key_id }) => key_id)).toEqual(after.map(() => 'new'));
    expect(after.map(({ ciphertext }) => ciphertext)).toEqual(before.map(({ ciphertext }) => ciphertext));
    const alone = world.services(NEW);
    await expectReadable(alone, 12);
    await expectReadable(alone, 11, other);
    expect(await rewrapPass(server)).toEqual({ rewrapped: 0, failed: 0 });
  });

  test('a crash between two batches, or in one, loses nothing; the next pass goes on', async () => {
    await makeSecrets(old, 25);
    let batches = 0;
    const dying = rewrapPass(server, {
      batch: 5,
      onBatch: async () => {
        batches += 1;
        if (batches === 3) throw new Error('the power is gone');
      },
    });
    await expect(dying).rejects.toThrow('the power is gone');
    expect(await countOutdated(server)).toBe(15);
    await expectReadable(server, 25);
    const stop = new AbortController();
    const stopped = await rewrapPass(server, {
      batch: 5,
      signal: stop.signal,
      onBatch: async () => stop.abort(),
    });
    expect(stopped).toEqual({ rewrapped: 5, failed: 0 });
    expect(await rewrapPass(server, { batch: 5 })).toEqual({ rewrapped: 10, failed: 0 });
    await expectReadable(world.services(NEW), 25);
  });

  test('a version that no key opens is left and counted; the others go on', async () => {
    await makeSecrets(old, 9);
    const [broken] = await rows();
    await world.db.kysely
      .updateTable('secret_versions')
      .set({ wrapped_dek: Buffer.alloc(60) })
      .where('secret_id', '=', broken!.secret_id)
      .execute();
    expect(await rewrapPass(server, { batch: 2 })).toEqual({ rewrapped: 8, failed: 1 });
    expect(await countOutdated(server)).toBe(1);
  });

  describe('as a job', () => {
    let operator: Ctx;
    beforeEach(async () => {
      const { tenantId } = old.principal;
      await world.db.kysely
        .updateTable('tenants')
        .set({ is_home: false })
        .where('is_home', '=', true)
        .execute();
      await world.db.kysely
        .updateTable('tenants')
        .set({ is_home: true })
        .where('id', '=', tenantId)
        .execute();
      const { userId } = await createMember(identityFor(world.db), tenantId, 'owner');
      const principal = { ...old.principal, kind: 'user', userId, actor: `user:${userId}` } as const;
      operator = { ...old, ...server, principal };
    });
    const job = async () => (await getSecretStatus(operator)).encryption;
    const actions = async () => {
      const entries = await world.db.kysely
        .selectFrom('audit_entries')
        .select(['action', 'outcome'])
        .where('tenant_id', '=', operator.principal.tenantId)
        .where('action', 'like', 'secrets.%')
        .orderBy('seq')
        .execute();
      return entries.map(({ action, outcome }) => `${action} ${outcome}`);
    };

    test('the operator asks for it, any server does it, and it is audited', async () => {
      await makeSecrets(old, 12);
      const started = await startRewrap(operator);
      expect(started).toMatchObject({ key_id: 'new', status: 'running', rewrapped: 0, failed: 0 });
      expect(await startRewrap(operator)).toEqual(started);
      expect(await job()).toEqual({
        current_key: 'new',
        keys: [
          { id: 'new', configured: true, versions: 0 },
          { id: 'old', configured: true, versions: 12 },
        ],
        rewrap: started,
      });
      await Promise.all([
        continueRewrap(server, { batch: 2 }),
        continueRewrap(world.services(BOTH), { batch: 3 }),
      ]);
      await continueRewrap(server);
      expect(await job()).toMatchObject({
        keys: [
          { id: 'new', versions: 12 },
          { id: 'old', versions: 0 },
        ],
        rewrap: {
          id: started.id,
          status: 'completed',
          rewrapped: 12,
          failed: 0,
          ended_at: expect.any(String),
        },
      });
      expect(await actions()).toEqual(['secrets.rewrap_started success', 'secrets.rewrap_completed success']);
      expect((await startRewrap(operator)).id).not.toBe(started.id);
    });

    test('after a crash any server goes on, and its count is exact', async () => {
      await makeSecrets(old, 20);
      await startRewrap(operator);
      let wraps = 0;
      const dying: Services = {
        ...server,
        logger: {
          ...silentLogger,
          error: () => {
            throw new Error('killed');
          },
        },
        keyRing: {
          ...BOTH,
          wrap: async (...input) => {
            wraps += 1;
            if (wraps === 8) throw new Error('killed');
            return BOTH.wrap(...input);
          },
        },
      };
      await expect(continueRewrap(dying, { batch: 3 })).rejects.toThrow('killed');
      expect(await job()).toMatchObject({ rewrap: { status: 'running', rewrapped: 6 } });
      await continueRewrap(world.services(BOTH), { batch: 3 });
      expect(await job()).toMatchObject({ rewrap: { status: 'completed', rewrapped: 20, failed: 0 } });
    });

    test('a server whose current key is another one leaves it alone', async () => {
      await makeSecrets(old, 3);
      await startRewrap(operator);
      await continueRewrap(world.services(testKeyRing('old', 'new')));
      expect(await countOutdated(server)).toBe(3);
      expect(await job()).toMatchObject({ rewrap: { status: 'running', rewrapped: 0 } });
    });

    test('it ends as failed when a version cannot be opened', async () => {
      await makeSecrets(old, 3);
      const [broken] = await rows();
      await world.db.kysely
        .updateTable('secret_versions')
        .set({ wrapped_dek: Buffer.alloc(60) })
        .where('secret_id', '=', broken!.secret_id)
        .execute();
      await startRewrap(operator);
      await continueRewrap(server);
      expect(await job()).toMatchObject({ rewrap: { status: 'failed', rewrapped: 2, failed: 1 } });
      expect(await actions()).toEqual(['secrets.rewrap_started success', 'secrets.rewrap_failed failure']);
    });

    test('nobody else may: no API key, no admin, no owner of another tenant, no member', async () => {
      const { principal } = operator;
      const identity = identityFor(world.db);
      const admin = await createMember(identity, principal.tenantId, 'admin');
      const elsewhere = await world.tenant(BOTH);
      const foreign = await createMember(identity, elsewhere.principal.tenantId, 'owner');
      const others: Ctx[] = [
        { ...operator, principal: { ...principal, kind: 'api_key', userId: null } },
        { ...operator, principal: { ...principal, userId: admin.userId } },
        { ...elsewhere, principal: { ...elsewhere.principal, kind: 'user', userId: foreign.userId } },
        { ...operator, principal: { ...principal, scopes: new Set(['read', 'write']) } },
      ];
      for (const ctx of others) await expect(startRewrap(ctx)).rejects.toMatchObject({ code: 'FORBIDDEN' });
      for (const ctx of others.slice(0, 3)) {
        expect(await getSecretStatus(ctx)).toMatchObject({ encryption: null });
      }
      expect(await actions()).toEqual([]);
    });
  });

  test('BF-5.4.c under load no request fails and no cipher text becomes unreadable', async () => {
    // Two servers while the keys are swapped: one still writes with the old key, one already with the new.
    const before: Ctx = { ...old, ...world.services(testKeyRing('old', 'new')) };
    const after: Ctx = { ...old, ...server };
    const { tenantId } = old.principal;
    await makeSecrets(before, 40);
    const current = new Map(Array.from({ length: 40 }, (_, at) => [`s-${at}`, `value of s-${at}`]));
    const ids = new Map((await listSecrets(old, { limit: 100 })).items.map(({ name, id }) => [name, id]));
    let reads = 0;
    let stop = false;
    const reader = async (services: Services, from: number): Promise<void> => {
      for (let at = from; !stop; at += 7) {
        const name = `s-${at % 20}`;
        expect(await readSecret(services, tenantId, name)).toBe(current.get(name));
        reads += 1;
      }
    };
    const writer = async (ctx: Ctx, prefix: string): Promise<void> => {
      for (let at = 0; !stop; at += 1) {
        const name = `s-${20 + (at % 10) + (prefix === 'a' ? 0 : 10)}`;
        const value = `${prefix} ${at}`;
        await addSecretVersion(ctx, ids.get(name)!, { value });
        current.set(name, value);
        expect(await readSecret(prefix === 'a' ? after : before, tenantId, name)).toBe(value);
        const { id } = await createSecret(ctx, { name: `${prefix}-${at}`, kind: 'other', value });
        if (at % 2 === 0) await deleteSecret(ctx, id);
        else current.set(`${prefix}-${at}`, value);
      }
    };
    const load = Promise.all([reader(before, 0), reader(after, 3), writer(before, 'a'), writer(after, 'b')]);
    const passes = (async () => {
      try {
        for (let pass = 0; pass < 15 || reads < 100; pass += 1) await rewrapPass(server, { batch: 3 });
      } finally {
        stop = true;
      }
    })();
    await Promise.all([load, passes]);
    expect(reads).toBeGreaterThanOrEqual(100);
    await rewrapPass(server);
    const alone = world.services(NEW);
    for (const [name, value] of current) expect(await readSecret(alone, tenantId, name)).toBe(value);
  }, 60_000);

  describe('npm run secrets:rewrap', () => {
    const start = (env: Record<string, string>, ...args: string[]) => {
      const child = spawn(process.execPath, ['scripts/secrets-rewrap.ts', ...args], {
        cwd: ROOT,
        env: { ...process.env, NODE_ENV: 'test', LOG_LEVEL: 'warn', ...world.env, ...env },
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
      return { child, ended, output: () => output };
    };

    test('killed in the middle and run again, it ends with every value readable', async () => {
      await makeSecrets(old, 120);
      const env = { SECRETS_KEYS: testKeys('new', 'old') };
      await world.lend(async () => {
        const { child, ended, output } = start(env, '--batch', '2');
        child.stdout.on('data', () => /\b\d+ done/.test(output()) && child.kill('SIGKILL'));
        expect(await ended).toMatchObject({
          code: null,
          output: expect.stringContaining('120 version(s) to wrap'),
        });
      });
      server = world.services(BOTH);
      const left = await countOutdated(server);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThan(120);
      await expectReadable(server, 120);
      await world.lend(async () => {
        const { code, output } = await start(env).ended;
        expect(output).toContain(`${left} wrapped anew, 0 failed, 0 left.`);
        expect(code).toBe(0);
      });
      await expectReadable(world.services(NEW), 120);
    }, 60_000);

    test('names what is wrong with the keys, and changes nothing', async () => {
      await makeSecrets(old, 2);
      await world.lend(async () => {
        const missing = await start({ SECRETS_KEYS: testKeys('new') }).ended;
        expect(missing).toMatchObject({ code: 1 });
        expect(missing.output).toContain(
          'SECRETS_KEYS lacks a key that secrets still need: "old" (2 secret version(s))',
        );
        const weak = await start({ SECRETS_KEYS: `k:${Buffer.alloc(32).toString('base64')}` }).ended;
        expect(weak).toMatchObject({ code: 1, output: expect.stringContaining('SECRETS_KEYS') });
      });
      server = world.services(BOTH);
      expect(await countOutdated(server)).toBe(2);
    }, 60_000);
  });
});
