import { randomBytes, randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsFor,
  mailsTo,
  PASSWORD,
  type AccountHarness,
  type TestUser,
} from '../../../test/account-harness.ts';
import { openHarness, type Harness } from '../../../test/harness.ts';
import { createTestHttp } from '../../../test/http-app.ts';
import { authenticate } from '../../core/identity/index.ts';
import { addAccountRoutes } from './account-routes.ts';
import { addLoginRoutes } from './login-routes.ts';
import { addTwoFactorRoutes } from './two-factor-routes.ts';

const AUTH = '/api/v1/auth';

describe('account routes', () => {
  let h: Harness;
  let a: AccountHarness;
  let app: FastifyInstance;
  beforeAll(async () => {
    h = await openHarness();
    a = accountsFor(h);
    const services = { ...h.services, clock: a.clock };
    app = createTestHttp({
      services,
      authenticate: ({ token }) => authenticate(a.identity, { kind: 'bearer', value: token }),
    }).app;
    addLoginRoutes(app, a.identity);
    addAccountRoutes(app, a.parts);
    addTwoFactorRoutes(app, { ...a.parts, identity: a.identity });
    await app.ready();
  }, 30_000);
  afterAll(async () => {
    await app.close();
    await h.close();
  });

  async function send(path: string, body?: unknown, headers: Record<string, string> = {}) {
    const payload = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await app.inject({
      method: body === undefined ? 'GET' : 'POST',
      url: AUTH + path,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { payload }),
    });
    return {
      status: answer.statusCode,
      body: answer.json<Record<string, unknown>>(),
      headers: answer.headers,
    };
  }
  const bearer = ({ accessToken }: Pick<TestUser, 'accessToken'>) => ({
    authorization: `Bearer ${accessToken}`,
  });
  const registration = () => ({ name: 'Ann', email: `${randomUUID()}@example.com`, password: PASSWORD });
  const fieldsOf = (body: Record<string, unknown>) =>
    (body.errors as { field: string }[]).map(({ field }) => field);

  it('anybody is told who may make an account', async () => {
    const { status, body } = await send('/registration');
    expect(status).toBe(200);
    expect(body).toMatchObject({ success: true, data: { registration: a.parts.account.registration } });
  });

  it.each<Record<string, string>>([
    { host: 'evil.example' },
    { 'x-forwarded-host': 'evil.example' },
    { forwarded: 'host=evil.example;proto=https' },
    { 'x-original-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-prefix': '/evil' },
    { origin: 'https://evil.example', referer: 'https://evil.example/' },
    { host: 'holdfast.test@evil.example' },
  ])(
    'host header poisoning: mailed links begin with the configured address, whatever %o says',
    async (headers) => {
      const { email } = await a.createUser({ verified: false });
      const fresh = registration();
      await send('/password-reset', { email }, headers);
      await send('/verify-email/resend', { email }, headers);
      await send('/register', fresh, headers);
      const mails = [...(await mailsTo(h, email)), ...(await mailsTo(h, fresh.email))];
      expect(mails.map(({ template }) => template)).toEqual([
        'password_reset',
        'verify_email',
        'verify_email',
      ]);
      for (const { variables } of mails) {
        expect(variables.url).toMatch(/^http:\/\/holdfast\.test\/(reset-password|verify-email)#token=/);
        expect(JSON.stringify(variables)).not.toContain('evil');
      }
    },
  );

  it('enumeration: answers for a known and an unknown address differ in nothing', async () => {
    const { email } = await a.createUser();
    for (const path of ['/password-reset', '/verify-email/resend', '/register']) {
      const bodies = [email, `${randomUUID()}@example.com`].map((each) =>
        path === '/register' ? { ...registration(), email: each } : { email: each },
      );
      const [known, unknown] = await Promise.all(bodies.map((body) => send(path, body)));
      expect(known!.status).toBe(202);
      expect(unknown!.status).toBe(202);
      expect(unknown!.body).toEqual(known!.body);
      const names = (headers: object) => Object.keys(headers).toSorted();
      expect(names(unknown!.headers)).toEqual(names(known!.headers));
      expect(unknown!.headers['content-length']).toBe(known!.headers['content-length']);
    }
  });

  it('mass assignment: unknown fields of a registration are named and refused', async () => {
    const body = registration();
    const extra = { role: 'owner', tenant_id: randomUUID(), email_verified: true };
    const { status, body: answer } = await send('/register', { ...body, ...extra });
    expect(status).toBe(400);
    expect(fieldsOf(answer).toSorted()).toEqual(['email_verified', 'role', 'tenant_id']);
    expect(await mailsTo(h, body.email)).toEqual([]);
  });

  it.each(['__proto__', 'constructor', 'prototype'])(
    'prototype pollution: a registration with %s is refused',
    async (key) => {
      const body = registration();
      for (const value of ['{"email_verified":true}', '{"prototype":{"email_verified":true}}', '1', 'null']) {
        const text = `${JSON.stringify(body).slice(0, -1)},"${key}":${value}}`;
        expect((await send('/register', text)).status).toBe(400);
      }
      expect(await mailsTo(h, body.email)).toEqual([]);
      expect(({} as Record<string, unknown>)['email_verified']).toBeUndefined();
    },
  );

  it('410 for a token that was used, has expired or never was; 400 for what is no token', async () => {
    const { email } = await a.createUser({ verified: false });
    await send('/verify-email/resend', { email });
    const token = (await mailsTo(h, email))[0]!.variables.token!;
    expect((await send('/verify-email', { token })).status).toBe(200);
    const gone = await send('/verify-email', { token });
    expect(gone).toMatchObject({
      status: 410,
      body: { code: 'LINK_EXPIRED', statusCode: 410, error: 'Gone' },
    });
    const unknown = randomBytes(32).toString('base64url');
    const reset = await send('/password-reset/confirm', { token: unknown, password: PASSWORD });
    expect(reset).toMatchObject({ status: 410, body: { code: 'LINK_EXPIRED' } });
    const malformed = await send('/verify-email', { token: `${unknown}==` });
    expect([malformed.status, fieldsOf(malformed.body)]).toEqual([400, ['token']]);
  });

  it('a login with a second factor is 401 with a documented challenge, then 200', async () => {
    const { email, secret, id } = await a.createGuardedUser();
    const first = await send('/login', { email, password: PASSWORD });
    expect(first).toMatchObject({ status: 401, body: { code: 'TWO_FACTOR_REQUIRED' } });
    const details = first.body.details as { challenge_token: string };
    expect(Object.keys(details).toSorted()).toEqual(['challenge_token', 'expires_at', 'methods']);
    const { challenge_token } = details;
    const asToken = await send('/2fa', undefined, { authorization: `Bearer ${challenge_token}` });
    expect(asToken.status).toBe(401);
    const wrong = await send('/2fa/verify', { challenge_token, code: a.codeOf(secret, 5) });
    expect(wrong).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED' } });
    const second = await send('/2fa/verify', { challenge_token, code: a.codeOf(secret) });
    expect(second).toMatchObject({ status: 200, body: { data: { user: { id } } } });
    const { accessToken } = second.body.data as { accessToken: string };
    const status = await send('/2fa', undefined, bearer({ accessToken }));
    expect(status).toMatchObject({ status: 200, body: { data: { enabled: true, backup_codes_left: 10 } } });
  });

  it('answers of secrets are not to be stored', async () => {
    const user = await a.createUser();
    const setup = await send('/2fa/setup', {}, bearer(user));
    expect(setup.status).toBe(200);
    const { secret } = setup.body.data as { secret: string };
    const enabled = await send('/2fa/enable', { code: a.codeOf(secret) }, bearer(user));
    expect(enabled.status).toBe(200);
    for (const { headers } of [setup, enabled]) expect(headers['cache-control']).toBe('no-store');
  });

  it.each(['/password', '/2fa/setup', '/2fa/enable', '/2fa/disable', '/2fa/backup-codes'])(
    '%s needs a credential',
    async (path) => {
      expect(await send(path, {})).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED' } });
    },
  );

  it('changes the password', async () => {
    const user = await a.createUser();
    const change = { current_password: 'wrong', new_password: 'another password 8' };
    const wrong = await send('/password', change, bearer(user));
    expect([wrong.status, fieldsOf(wrong.body)]).toEqual([400, ['current_password']]);
    const done = await send('/password', { ...change, current_password: PASSWORD }, bearer(user));
    expect(done).toMatchObject({ status: 200, body: { data: { revoked_logins: 0 } } });
  });

  it('is closed to registration where the server says so', async () => {
    const closed = accountsFor(h, { account: { registration: 'invite' } });
    const own = createTestHttp({ services: { ...h.services, clock: a.clock } }).app;
    addAccountRoutes(own, closed.parts);
    const answer = await own.inject({ method: 'POST', url: `${AUTH}/register`, payload: registration() });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([403, 'FORBIDDEN']);
    await own.close();
  });
});
