import { randomBytes } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  agentSchema,
  loginReplySchema,
  runSchema,
  secretAccessSchema,
  secretDetailSchema,
  secretRewrapSchema,
  secretSchema,
  secretStatusSchema,
  sessionSchema,
  type Run,
  type Secret,
} from '@holdfast/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { listAll, V1 } from './support/api.ts';
import { startChatProvider, type ChatProvider } from './support/chat-provider.ts';
import { dataOf, errorOf, fieldsOf, pageOf } from './support/expect.ts';
import { get, post, remove, send } from './support/http.ts';
import { startOwnServer, startRefused, type OwnAnswer, type OwnServer } from './support/own-server.ts';
import { target } from './support/target.ts';

const SECRETS = `${V1}/secrets`;
const newValue = (): string => `canary-${randomBytes(18).toString('base64url')}`;
const newName = (): string => `s-${crypto.randomUUID()}`;

const make = async (more: Record<string, unknown> = {}): Promise<Secret> =>
  dataOf(
    await post(SECRETS, { name: newName(), kind: 'other', value: newValue(), ...more }),
    secretSchema,
    201,
  );

describe('secrets', () => {
  it('BF-5.4.a no answer holds a value, whatever is asked', async () => {
    const [first, second] = [newValue(), newValue()];
    const headers = { 'idempotency-key': crypto.randomUUID() };
    const body = { name: newName(), kind: 'webhook_secret', value: first, description: 'Ours' };
    const made = await post(SECRETS, body, { headers });
    const { id, name } = dataOf(made, secretSchema, 201);
    const path = `${SECRETS}/${id}`;
    const answers = [
      made,
      await post(SECRETS, body, { headers }),
      await post(`${path}/versions`, { value: second }),
      await get(path),
      await get(`${SECRETS}?limit=100`),
      await get(`${path}/accesses`),
      await get(`${V1}/admin/secrets/status`),
      await post(`${path}/versions/1/disable`, undefined),
      await post(SECRETS, body),
      await post(SECRETS, { ...body, kind: first }),
      await post(`${path}/versions`, { value: [second] }),
      await remove(path),
      await get(path),
    ];
    for (const { text } of answers) expect(text).not.toMatch(new RegExp(`${first}|${second}`));
    expect(answers.map(({ status }) => status)).toEqual([
      201, 201, 201, 200, 200, 200, 200, 200, 409, 400, 400, 204, 404,
    ]);
    expect(dataOf(answers[2]!, secretSchema, 201)).toMatchObject({ name, latest_version: 2 });
    expect(answers[3]!.headers['cache-control']).toContain('no-store');
  });

  it('shows what is known of a secret, and lists it', async () => {
    const value = newValue();
    const expires_at = '2100-01-01T00:00:00.000Z';
    const secret = await make({ value, description: 'Ours', expires_at });
    expect(secret).toMatchObject({ last4: value.slice(-4), latest_version: 1, expires_at });
    expect(secret.last_accessed_at).toBeNull();
    const detail = dataOf(await get(`${SECRETS}/${secret.id}`), secretDetailSchema);
    expect(detail).toMatchObject({ ...secret, versions: [{ version: 1, disabled_at: null }] });
    expect(await listAll(SECRETS, secretSchema, 100)).toContainEqual(secret);
    expect(pageOf(await get(`${SECRETS}/${secret.id}/accesses`), secretAccessSchema).items).toEqual([]);
    const { expiring } = dataOf(await get(`${V1}/admin/secrets/status`), secretStatusSchema);
    expect(expiring.map(({ id }) => id)).not.toContain(secret.id);
  });

  it.each([
    [{ kind: 'other', value: 'x' }, ['name']],
    [{ name: 'Upper', kind: 'other', value: 'x' }, ['name']],
    [{ name: 'x', kind: 'password', value: 'x' }, ['kind']],
    [{ name: 'x', kind: 'other' }, ['value']],
    [{ name: 'x', kind: 'other', value: 'x'.repeat(16_385) }, ['value']],
    [{ name: 'x', kind: 'other', value: 'x', expires_at: '2020-01-01T00:00:00Z' }, ['expires_at']],
    [{ name: 'x', kind: 'other', value: 'x', id: 'y' }, ['id']],
  ])('refuses %j', async (body, fields) => {
    expect(fieldsOf(await post(SECRETS, body))).toEqual(fields);
  });

  it('answers 404 for versions and secrets that are not there', async () => {
    const { id } = await make();
    for (const version of ['2', '2147483647']) {
      errorOf(await post(`${SECRETS}/${id}/versions/${version}/disable`, undefined), 404, 'NOT_FOUND');
    }
    expect((await post(`${SECRETS}/${id}/versions/0/disable`, undefined)).status).toBeLessThan(500);
    errorOf(await get(`${SECRETS}/${crypto.randomUUID()}`), 404, 'NOT_FOUND');
  });

  it('API keys do not re-wrap the secrets of others, nor see the keys', async () => {
    errorOf(await send({ method: 'POST', path: `${V1}/admin/secrets/rewrap` }), 403, 'FORBIDDEN');
    expect(dataOf(await get(`${V1}/admin/secrets/status`), secretStatusSchema).encryption).toBeNull();
  });

  it.skipIf(target.email === undefined)('the operator re-wraps all of them', async () => {
    const credentials = { email: target.email, password: target.password };
    const login = await post(`${V1}/auth/login`, credentials, { token: null });
    const { accessToken: token } = dataOf(login, loginReplySchema);
    await make();
    const started = dataOf(
      await send({ method: 'POST', path: `${V1}/admin/secrets/rewrap`, token }),
      secretRewrapSchema,
      202,
    );
    await vi.waitFor(
      async () => {
        const status = dataOf(await get(`${V1}/admin/secrets/status`, { token }), secretStatusSchema);
        expect(status.encryption).toMatchObject({
          current_key: started.key_id,
          rewrap: { id: started.id, status: 'completed', failed: 0 },
        });
      },
      { timeout: 15_000, interval: 250 },
    );
  });
});

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const [OLD, NEW, OTHER] = [key('old'), key('new'), key('other')];

describe('BF-5.4.b the start is refused with the name of what is wrong', { timeout: 60_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-refused-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const zeros = `weak:${Buffer.alloc(32).toString('base64')}`;
  const JWT = randomBytes(32).toString('base64url');
  it.each([
    ['no secrets in production', { NODE_ENV: 'production' }, ['JWT_SECRET', 'SECRETS_KEYS']],
    [
      'a weak key',
      { NODE_ENV: 'production', JWT_SECRET: JWT, SECRETS_KEYS: zeros },
      ['SECRETS_KEYS', '"weak"'],
    ],
    ['a short key', { SECRETS_KEYS: 'short:c2hvcnQ=' }, ['SECRETS_KEYS', '"short"']],
    ['a short signing secret', { JWT_SECRET: 'tooshort' }, ['JWT_SECRET']],
    [
      'a file that is not there',
      { SECRETS_KEY_FILE: '/nowhere/keys' },
      ['SECRETS_KEY_FILE', '/nowhere/keys'],
    ],
  ])('%s', async (_name, env, named) => {
    const { code, output } = await startRefused(folder, env as unknown as Record<string, string>);
    expect(code).toBe(1);
    for (const name of named) expect(output).toContain(name);
    expect(output).not.toMatch(/AAAAAAAA|c2hvcnQ|tooshort|\n\s+at /);
  });

  it('a weak key in a file', async () => {
    const file = join(folder, 'keys');
    writeFileSync(file, `${OLD}\n${zeros}\n`);
    const { code, output } = await startRefused(folder, { SECRETS_KEY_FILE: file });
    expect(code).toBe(1);
    expect(output).toContain(`SECRETS_KEY_FILE (${file})`);
    expect(output).toContain('"weak" is weak: one byte repeated');
  });
});

describe('the life of a secret, over restarts', { timeout: 120_000 }, () => {
  const [modelKey, expiring] = [newValue(), newValue()];
  const password = randomBytes(12).toString('base64url');
  let folder: string;
  let provider: ChatProvider;
  let server: OwnServer | null = null;
  let token = '';
  let said = '';
  const heard: string[] = [];
  let secret: Secret;
  let agentId: string;
  let runs = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-secrets-'));
    provider = await startChatProvider();
  });
  afterAll(async () => {
    await stop();
    await provider.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function stop(): Promise<void> {
    await server?.stop();
    said += server?.output() ?? '';
    server = null;
  }

  const settings = (keys: string): Record<string, string> => ({
    SECRETS_KEYS: keys,
    COMPATIBLE_BASE_URL: provider.url,
    COMPATIBLE_API_KEY: 'key-of-the-server',
    ADMIN_EMAIL: 'owner@holdfast.local',
    ADMIN_PASSWORD: password,
  });

  async function restart(keys: string): Promise<void> {
    await stop();
    server = await startOwnServer(folder, settings(keys));
    const login = await call('POST', '/auth/login', { email: 'owner@holdfast.local', password });
    token = loginReplySchema.parse(bodyOf(login)).accessToken;
  }

  async function call(method: string, path: string, body?: unknown): Promise<OwnAnswer> {
    const answer = await server!.call(method, `${V1}${path}`, body, token === '' ? undefined : token);
    // What the caller itself sent as a password comes back in no answer either.
    heard.push(answer.text);
    return answer;
  }

  const bodyOf = ({ json, text, status }: OwnAnswer): unknown => {
    expect({ status, text }).toMatchObject({ status: expect.any(Number) });
    expect(status, text).toBeLessThan(300);
    return (json as { data: unknown }).data;
  };

  /** An agent that calls a model with the tenant's key. @returns the run, once it has ended */
  async function runAgent(): Promise<Run> {
    const [project] = z.array(z.object({ id: z.string() })).parse(bodyOf(await call('GET', '/projects')));
    if (runs === 0) {
      const agent = { project_id: project!.id, name: 'A', model: 'compatible/m' };
      agentId = agentSchema.parse(bodyOf(await call('POST', '/agents', agent))).id;
    }
    const input = { project_id: project!.id, agent_id: agentId };
    const session = sessionSchema.parse(bodyOf(await call('POST', '/sessions', input)));
    const posted = bodyOf(await call('POST', `/sessions/${session.id}/messages`, { content: 'Hi' }));
    const { run } = z.object({ run: runSchema }).parse(posted);
    runs += 1;
    return vi.waitFor(
      async () => {
        const now = runSchema.parse(bodyOf(await call('GET', `/sessions/${session.id}/runs/${run.id}`)));
        expect(now.status).toBe('completed');
        return now;
      },
      { timeout: 15_000, interval: 50 },
    );
  }

  it('BF-5.4.e a tenant key is what the provider sees, and each read of it is logged', async () => {
    await restart(OLD);
    expect((await runAgent()).status).toBe('completed');
    const body = { name: 'compatible', kind: 'model_key', value: modelKey };
    secret = secretSchema.parse(bodyOf(await call('POST', '/secrets', body)));
    const ran = [await runAgent(), await runAgent()];
    expect(provider.keys).toEqual(['Bearer key-of-the-server', `Bearer ${modelKey}`, `Bearer ${modelKey}`]);
    const accesses = z
      .array(secretAccessSchema)
      .parse(bodyOf(await call('GET', `/secrets/${secret.id}/accesses`)));
    expect(accesses).toMatchObject(
      ran.toReversed().map(({ id, agent_id }) => ({
        outcome: 'granted',
        version: 1,
        actor: `agent:${agent_id}`,
        purpose: 'model call compatible/m',
        run_id: id,
      })),
    );
    const { last_accessed_at } = secretDetailSchema.parse(bodyOf(await call('GET', `/secrets/${secret.id}`)));
    expect(last_accessed_at).not.toBeNull();
  });

  it('BF-5.4.f a secret near its end is announced, once: by mail, in the audit log, in the log', async () => {
    const expires_at = new Date(Date.now() + 6 * 86_400_000).toISOString();
    const body = { name: 'expiring', kind: 'other', value: expiring, expires_at };
    const { id } = secretSchema.parse(bodyOf(await call('POST', '/secrets', body)));
    const announced = async () => {
      const mails = bodyOf(await call('GET', '/admin/emails?limit=100')) as { template: string }[];
      const entries = bodyOf(await call('GET', `/admin/audit-logs?action=secret.expiring&target_id=${id}`));
      return {
        mails: mails.filter(({ template }) => template === 'secret_expiring').length,
        entries: (entries as unknown[]).length,
      };
    };
    expect(await announced()).toEqual({ mails: 0, entries: 0 });
    for (let start = 0; start < 2; start += 1) {
      await restart(OLD);
      await vi.waitFor(async () => expect(await announced()).toEqual({ mails: 1, entries: 1 }), {
        timeout: 15_000,
        interval: 100,
      });
    }
    await restart(OLD);
    expect(said.match(/"a secret is about to expire"/g)).toHaveLength(1);
    const { expiring: listed } = secretStatusSchema.parse(bodyOf(await call('GET', '/admin/secrets/status')));
    expect(listed.map((one) => one.id)).toEqual([id]);
  });

  it('BF-5.4.c the key is changed while secrets are used, and the old one can be thrown away', async () => {
    const encryption = async () =>
      secretStatusSchema.parse(bodyOf(await call('GET', '/admin/secrets/status'))).encryption!;
    await restart(`${NEW},${OLD}`);
    expect(await encryption()).toMatchObject({
      current_key: 'new',
      keys: [
        { id: 'new', versions: 0 },
        { id: 'old', versions: 2 },
      ],
    });
    expect((await runAgent()).status).toBe('completed');
    const started = secretRewrapSchema.parse(bodyOf(await call('POST', '/admin/secrets/rewrap')));
    await Promise.all([runAgent(), runAgent()]);
    await vi.waitFor(
      async () =>
        expect(await encryption()).toMatchObject({
          keys: [
            { id: 'new', versions: 2 },
            { id: 'old', versions: 0 },
          ],
          rewrap: { id: started.id, status: 'completed', rewrapped: 2, failed: 0 },
        }),
      { timeout: 20_000, interval: 200 },
    );
    await restart(NEW);
    await runAgent();
    expect(provider.keys.at(-1)).toBe(`Bearer ${modelKey}`);
    await stop();
    const wrong = await startRefused(folder, settings(NEW.replace(/:.*/, OTHER.slice(OTHER.indexOf(':')))));
    expect(wrong.code).toBe(1);
    expect(wrong.output).toContain('the key "new" of SECRETS_KEYS is not the key "new"');
    const missing = await startRefused(folder, settings(OLD));
    expect(missing.code).toBe(1);
    expect(missing.output).toContain(
      'SECRETS_KEYS lacks a key that secrets still need: "new" (2 secret version(s))',
    );
  });

  it('BF-5.4.d what lies on the disk, and what was said and answered, holds no value', async () => {
    await restart(NEW);
    expect(
      (await call('POST', '/auth/login', { email: 'owner@holdfast.local', password: `x${password}` })).status,
    ).toBe(401);
    await stop();
    const files = globSync('**/*', { cwd: folder }).map((file) => join(folder, file));
    const whole = files.filter((file) => statSync(file).isFile());
    expect(whole.length).toBeGreaterThan(100);
    const hidden = [modelKey, expiring, password, ...[OLD, NEW].map((entry) => entry.slice(4))];
    for (const value of hidden) {
      const forms = [
        value,
        Buffer.from(value).toString('hex'),
        Buffer.from(value).toString('base64').slice(0, -4),
      ];
      for (const form of forms) {
        const bytes = Buffer.from(form);
        const holders = whole.filter((file) => readFileSync(file).includes(bytes));
        expect(holders, 'files that hold it').toEqual([]);
        expect(said).not.toContain(form);
        expect(heard.some((text) => text.includes(form))).toBe(false);
      }
    }
  });
});
