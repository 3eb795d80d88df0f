import {
  loginReplySchema,
  newApiKeySchema,
  rateBlockSchema,
  rateLimitsSchema,
  rateOverrideSchema,
  rateUsageSchema,
  type RateOverride,
} from '@holdfast/protocol';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { makeProject, makeSession, sessionPath, V1 } from './support/api.ts';
import { dataOf, errorOf, fieldsOf } from './support/expect.ts';
import { get, post, remove, send, type Answer, type Call } from './support/http.ts';
import { target } from './support/target.ts';

const LIMITS = `${V1}/admin/rate-limits`;
const PROJECTS = `${V1}/projects?limit=1`;
const NAMES = [
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'ratelimit',
  'ratelimit-policy',
];
const reason = 'conformance';

const put = (path: string, body: unknown, more: Partial<Call> = {}) =>
  send({ method: 'PUT', path, body, ...more });

/** A key of its own, whose limits nobody else uses. */
async function makeKey(scopes = ['read', 'write', 'hold']): Promise<{ subject: string; token: string }> {
  const key = dataOf(await post(`${V1}/api-keys`, { name: 'Limited', scopes }), newApiKeySchema, 201);
  return { subject: `key:${key.id}`, token: z.string().parse(key.secret) };
}

async function override(
  policy: string,
  body: Record<string, unknown>,
  token: string = target.apiKey,
): Promise<RateOverride> {
  return dataOf(await put(`${LIMITS}/${policy}`, { reason, ...body }, { token }), rateOverrideSchema);
}

async function times(count: number, call: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let index = 0; index < count; index += 1) answers.push(await call());
  return answers;
}

const statuses = (answers: Answer[]): number[] => answers.map(({ status }) => status);
const numberOf = (answer: Answer, name: string): number => Number(answer.headers[name]);

describe('rate limits', () => {
  it('BF-1.1.f B-43 AC-5.2.c repeated calls end in 429, and every answer says what is left', async () => {
    const { subject, token } = await makeKey();
    await override('platform', { subject, minute: 10 });
    const answers = await times(12, () => get(PROJECTS, { token }));
    expect(statuses(answers)).toEqual([...Array<number>(10).fill(200), 429, 429]);
    expect(answers.map((answer) => numberOf(answer, 'x-ratelimit-remaining'))).toEqual([
      9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0,
    ]);
    for (const answer of answers) {
      expect(numberOf(answer, 'x-ratelimit-limit')).toBe(10);
      expect(numberOf(answer, 'x-ratelimit-reset')).toBeGreaterThan(Date.now() / 1000 - 1);
      expect(answer.headers['ratelimit']).toMatch(/^"platform";r=\d+;t=\d+(, "tenant";r=\d+;t=\d+)?$/);
    }
    const refusal = errorOf(answers.at(-1)!, 429, 'RATE_LIMIT');
    expect(refusal.retryAfter).toBeGreaterThan(0);
    expect(refusal.retryAfter).toBeLessThanOrEqual(60);
    expect(answers.at(-1)!.headers['retry-after']).toBe(String(refusal.retryAfter));
    expect(refusal.details).toMatchObject({ policy: 'platform', limit: 10, window_seconds: 60 });
  });

  it('of 100 requests at once against a limit of 10 exactly 10 succeed', async () => {
    const { subject, token } = await makeKey();
    await override('platform', { subject, minute: 10 });
    const answers = await Promise.all(Array.from({ length: 100 }, () => get(PROJECTS, { token })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(90);
  });

  it('BF-5.2.d from 80 % on a header warns', async () => {
    const { subject, token } = await makeKey();
    await override('platform', { subject, minute: 5 });
    const answers = await times(5, () => get(PROJECTS, { token }));
    const warned = answers.map(({ headers }) => headers['x-ratelimit-warning'] !== undefined);
    expect(warned).toEqual([false, false, false, true, true]);
  });

  it('BF-5.2.a a holder’s calls have another limit than the rest', async () => {
    const { subject, token } = await makeKey();
    const session = await makeSession(await makeProject(), { executor: 'external' });
    await override('platform', { subject, minute: 2 });
    await override('holder', { subject, minute: 4 });
    const claim = () => post(sessionPath(session.id, '/lease'), { holder: 'h' }, { token });
    expect(statuses(await times(3, () => get(PROJECTS, { token })))).toEqual([200, 200, 429]);
    const held = await times(5, claim);
    expect(held.slice(0, 4).map(({ status }) => status)).not.toContain(429);
    errorOf(held[4]!, 429, 'RATE_LIMIT');
  });

  it('BF-5.2.b a burst up to the allowance passes, then limits', async () => {
    const { subject, token } = await makeKey();
    await override('platform', { subject, minute: 6, burst: 4 });
    const answers = await Promise.all(Array.from({ length: 12 }, () => get(PROJECTS, { token })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(errorOf(refused, 429, 'RATE_LIMIT').retryAfter).toBeLessThanOrEqual(10);
  });

  it('BF-1.2.e each key is limited by itself, though all come from one address', async () => {
    const [a, b] = [await makeKey(), await makeKey()];
    await override('platform', { subject: a.subject, minute: 1 });
    await override('platform', { subject: b.subject, minute: 1 });
    const seen = [a, a, b, b].map(
      ({ token }) =>
        () =>
          get(PROJECTS, { token }),
    );
    const answers: Answer[] = [];
    for (const call of seen) answers.push(await call());
    expect(statuses(answers)).toEqual([200, 429, 200, 429]);
    expect((await get(PROJECTS)).status).toBe(200);
  });

  it('BF-5.2.e the headers are on 401, 403, 404, 405, 413, 415 and on what is not counted', async () => {
    const { token } = await makeKey(['read']);
    const json = { 'content-type': 'application/json' };
    const raw = `{"name":"${'x'.repeat(2_000_000)}"}`;
    const answers: [number, Answer][] = [
      [401, await get(PROJECTS, { token: null })],
      [403, await post(`${V1}/projects`, { name: 'x' }, { token })],
      [404, await get('/api/v1/nothing')],
      [405, await remove(`${V1}/projects`)],
      [413, await send({ method: 'POST', path: `${V1}/projects`, raw, headers: json })],
      [
        415,
        await send({ method: 'POST', path: `${V1}/projects`, raw: 'a', headers: { 'content-type': 'a/b' } }),
      ],
      [200, await get('/health', { token: null })],
      [200, await get('/api/openapi.json', { token: null })],
    ];
    for (const [status, answer] of answers) {
      expect(answer.status).toBe(status);
      expect(Object.keys(answer.headers)).toEqual(expect.arrayContaining(NAMES));
    }
  });

  it('BF-5.2.f an override lowers, raises and is removed, each at once', async () => {
    const { subject, token } = await makeKey();
    const works = async () => (await get(PROJECTS, { token })).status === 200;
    const { id } = await override('platform', { subject, minute: 2 });
    expect([await works(), await works(), await works()]).toEqual([true, true, false]);
    expect((await override('platform', { subject, minute: 4 })).id).toBe(id);
    expect([await works(), await works(), await works()]).toEqual([true, true, false]);
    const usage = dataOf(await get(`${LIMITS}/platform?subject=${subject}`), rateUsageSchema);
    expect(usage).toMatchObject({ limit: 4, remaining: 0, blocked_until: null });
    dataOf(await post(`${LIMITS}/platform/reset`, { subject }), rateUsageSchema);
    expect(await works()).toBe(true);
    await override('platform', { subject, minute: 1 });
    expect(await works()).toBe(false);
    dataOf(await remove(`${LIMITS}/overrides/${id}`), rateOverrideSchema);
    expect([await works(), await works()]).toEqual([true, true]);
    errorOf(await remove(`${LIMITS}/overrides/${id}`), 404, 'NOT_FOUND');
  });

  it('BF-5.2.f an override ends at its time', async () => {
    const { subject, token } = await makeKey();
    const expires_at = new Date(Date.now() + 1500).toISOString();
    await override('platform', { subject, minute: 1, expires_at });
    expect(statuses(await times(2, () => get(PROJECTS, { token })))).toEqual([200, 429]);
    await vi.waitFor(async () => expect((await get(PROJECTS, { token })).status).toBe(200), {
      timeout: 6000,
      interval: 100,
    });
  });

  it('decisions are metrics, by policy and outcome and not by who asked', async () => {
    const { subject, token } = await makeKey();
    await override('platform', { subject, minute: 1 });
    await times(2, () => get(PROJECTS, { token }));
    const { text } = await get('/metrics');
    for (const outcome of ['allowed', 'refused'])
      expect(text).toMatch(
        new RegExp(`^holdfast_limit_decisions_total\\{policy="platform",outcome="${outcome}"\\} \\d+$`, 'm'),
      );
    expect(text).toContain('holdfast_limit_store_failures_total');
    expect(text).not.toContain(subject);
  });

  it('lists what is limited, with the numbers of the tenant', async () => {
    const limits = dataOf(await get(LIMITS), rateLimitsSchema);
    const byName = new Map(limits.policies.map((policy) => [policy.policy, policy]));
    for (const name of ['anonymous', 'platform', 'fleet', 'browser.interact', 'login', 'two_factor', 'guest'])
      expect(byName.has(name)).toBe(true);
    for (const name of [
      'login',
      'two_factor',
      'password_reset',
      'register',
      'verify_email',
      'invite',
      'guest',
    ])
      expect(byName.get(name)?.on_failure).toBe('closed');
  });

  it.each([
    [{}, ['reason']],
    [{ reason }, ['unlimited']],
    [{ reason, minute: 0 }, ['minute']],
    [{ reason, minute: 1.5 }, ['minute']],
    [{ reason, minute: '5' }, ['minute']],
    [{ reason, minute: 5, week: 1 }, ['week']],
    [{ reason, burst: 5 }, ['burst']],
    [{ reason, minute: 5, unlimited: true }, ['unlimited']],
    [{ reason, minute: 5, subject: 'ip:203.0.113.1' }, ['subject']],
    [{ reason, minute: 5, expires_at: '2020-01-01T00:00:00Z' }, ['expires_at']],
    [{ reason, minute: 5, expires_at: 'tomorrow' }, ['expires_at']],
  ])('refuses the override %j', async (body, fields) => {
    expect(fieldsOf(await put(`${LIMITS}/platform`, body))).toEqual(fields);
  });

  it('is for administrators, and each tenant’s own', async () => {
    const { subject, token } = await makeKey();
    errorOf(await get(LIMITS, { token }), 403, 'FORBIDDEN');
    errorOf(await put(`${LIMITS}/platform`, { subject, minute: 1, reason }, { token }), 403, 'FORBIDDEN');
    errorOf(await put(`${LIMITS}/nonsense`, { minute: 1, reason }), 404, 'NOT_FOUND');
    errorOf(
      await put(`${LIMITS}/platform`, { subject: 'key:nonsense', minute: 1, reason }),
      404,
      'NOT_FOUND',
    );
    errorOf(await put(`${LIMITS}/platform`, { subject, unlimited: true, reason }), 403, 'FORBIDDEN');
    errorOf(await put(`${LIMITS}/anonymous`, { minute: 1, reason }), 403, 'FORBIDDEN');
  });

  it.skipIf(target.otherApiKey === undefined)(
    'another tenant’s keys and overrides are not there',
    async () => {
      const { subject } = await makeKey();
      const { id } = await override('platform', { subject, minute: 5 });
      const other = { token: target.otherApiKey! };
      errorOf(await put(`${LIMITS}/platform`, { subject, minute: 1, reason }, other), 404, 'NOT_FOUND');
      errorOf(await remove(`${LIMITS}/overrides/${id}`, other), 404, 'NOT_FOUND');
      errorOf(await get(`${LIMITS}/platform?subject=${subject}`, other), 404, 'NOT_FOUND');
      expect(dataOf(await get(LIMITS, other), rateLimitsSchema).overrides).toEqual([]);
    },
  );
});

describe.skipIf(!target.trustsForwarded || target.email === undefined)('limits by address', () => {
  let operator: string;
  let last = Math.floor(Math.random() * 50_000);

  beforeAll(async () => {
    const body = { email: target.email, password: target.password };
    operator = dataOf(await post(`${V1}/auth/login`, body, { token: null }), loginReplySchema).accessToken;
  });

  /** An address of documentation that nobody else uses here. */
  const newAddress = (): string => `2001:db8:${(last += 1).toString(16)}::1`;
  const from = (ip: string, path = '/api/v1/nothing') =>
    get(path, { token: null, headers: { 'x-forwarded-for': ip }, timeoutMs: 10_000 });

  it('BF-5.2.c B-45 an anonymous flood ends in 429, whatever is asked for; others go on', async () => {
    const ip = newAddress();
    await override('anonymous', { subject: `ip:${ip}`, minute: 5 }, operator);
    const paths = ['/api/v1/nothing', PROJECTS, `${V1}/auth/none`, PROJECTS, '/x', '/x', '/x', PROJECTS];
    const answers: Answer[] = [];
    for (const path of paths) answers.push(await from(ip, path));
    expect(statuses(answers)).toEqual([404, 401, 404, 401, 404, 404, 429, 429]);
    errorOf(answers.at(-1)!, 429, 'RATE_LIMIT');
    const neighbour = ip.replace('::1', '::2');
    expect((await from(neighbour)).status).toBe(429);
    expect((await from(newAddress())).status).toBe(404);
    const headers = { 'x-forwarded-for': ip };
    expect((await get(PROJECTS, { headers })).status).toBe(200);
  });

  it('BF-5.2.d rising overuse meets a warning, then a delay, then 429, then a block that an operator ends', async () => {
    const ip = newAddress();
    const subject = `ip:${ip}`;
    await override('anonymous', { subject, minute: 10 }, operator);
    const timed = async (): Promise<{ status: number; warned: boolean; ms: number }> => {
      const began = performance.now();
      const { status, headers } = await from(ip);
      return { status, warned: 'x-ratelimit-warning' in headers, ms: performance.now() - began };
    };
    const seen: Awaited<ReturnType<typeof timed>>[] = [];
    for (let index = 0; index < 13; index += 1) seen.push(await timed());
    expect(seen.map(({ status }) => status)).toEqual([...Array<number>(12).fill(404), 429]);
    expect(seen.map(({ warned }) => warned)).toEqual([
      ...Array<boolean>(7).fill(false),
      ...Array<boolean>(6).fill(true),
    ]);
    expect(seen[10]!.ms).toBeGreaterThan(900);
    expect(seen[11]!.ms).toBeGreaterThan(1900);
    await vi.waitFor(
      async () => expect(errorOf(await from(ip), 429).details).toHaveProperty('blocked_until'),
      { timeout: 10_000, interval: 10 },
    );
    const { retryAfter } = errorOf(await from(ip), 429, 'RATE_LIMIT');
    expect(retryAfter).toBeGreaterThan(240);
    expect(retryAfter).toBeLessThanOrEqual(300);
    const body = { subject };
    expect(dataOf(await get(LIMITS, { token: operator }), rateLimitsSchema).blocks).toContainEqual(
      expect.objectContaining({ policy: 'anonymous', level: 1, tenant_id: null }),
    );
    errorOf(await post(`${LIMITS}/anonymous/unblock`, body), 403, 'FORBIDDEN');
    dataOf(await post(`${LIMITS}/anonymous/unblock`, body, { token: operator }), rateBlockSchema);
    dataOf(await post(`${LIMITS}/anonymous/reset`, body, { token: operator }), rateUsageSchema);
    expect((await from(ip)).status).toBe(404);
    errorOf(await post(`${LIMITS}/anonymous/unblock`, body, { token: operator }), 404, 'NOT_FOUND');
  });

  it('attack: an invented address before the own one does not escape', async () => {
    const ip = newAddress();
    await override('anonymous', { subject: `ip:${ip}`, minute: 5 }, operator);
    const answers = await times(7, () => from(`${newAddress()}, ${ip}`));
    expect(statuses(answers)).toEqual([404, 404, 404, 404, 404, 404, 429]);
  });

  it('attack: guesses of one password are few, and the right one does not help any more', async () => {
    const ip = newAddress();
    const email = `${crypto.randomUUID()}@example.com`;
    await override('login', { subject: `ip:${ip} email:${email}`, minute: 3 }, operator);
    const guess = (password: string) =>
      post(`${V1}/auth/login`, { email, password }, { token: null, headers: { 'x-forwarded-for': ip } });
    const answers = await times(5, () => guess(crypto.randomUUID()));
    expect(statuses(answers)).toEqual([401, 401, 401, 429, 429]);
    expect(numberOf(answers[4]!, 'x-ratelimit-limit')).toBe(3);
  });
});
