import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCredentialApp, signedHeaders, type CredentialApp } from '../../../test/credential-app.ts';
import { openHarness, type Harness } from '../../../test/harness.ts';
import { createMember, ctxOf, logIn } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { CREDENTIAL_KINDS, type CredentialKind } from '../../core/context.ts';
import { startGuest } from '../../core/guest/index.ts';
import { createApiKey } from '../../core/identity/index.ts';
import { updateProject } from '../../core/project/index.ts';
import { acceptsOf, ENTRANCES } from './entrances.ts';
import { installOpenApi } from './openapi.ts';

const FLEET_KEY = randomUUID();
const clock = new ManualClock();

let h: Harness;
let t: CredentialApp;
/** A way to ask as each kind. */
let headersOf: Record<
  CredentialKind | 'guest (cookie)',
  (method: string, path: string) => Record<string, string>
>;
beforeAll(async () => {
  h = await openHarness();
  const { tenantId, projectId } = await h.createTenant();
  t = openCredentialApp(h, { clock, fleet: { keys: [FLEET_KEY], adminKeys: [] }, chat: { tenantId } });
  installOpenApi(t.app, '1.0.0');
  const { identity, guests } = t.credentials;
  const member = await createMember(identity, tenantId);
  const { accessToken } = await logIn(identity, member);
  const ctx = ctxOf(h, identity, { tenantId });
  const key = await createApiKey(ctx, { name: 'Key', scopes: ['admin'] });
  await updateProject(ctx, projectId, { guest_access: true });
  const guest = await startGuest(guests, { project_id: projectId });
  const sealed = guests.cookies.seal({ id: guest.guest_id, secret: guest.secret });
  headersOf = {
    user: () => ({ authorization: `Bearer ${accessToken}` }),
    api_key: () => ({ 'x-api-key': key.secret! }),
    fleet_key: () => ({ 'x-api-key': FLEET_KEY }),
    service: (method, path) => signedHeaders({ clock, method, path }),
    guest: () => ({ 'x-session-id': guest.guest_id, 'x-session-secret': guest.secret }),
    'guest (cookie)': () => ({ cookie: `theme=dark; sid=${sealed}` }),
  };
}, 60_000);
afterAll(async () => {
  await t.app.close();
  await h.close();
});

const ask = (path: string, kind: keyof typeof headersOf) =>
  t.app.inject({ url: path, headers: headersOf[kind]('GET', path) });

describe('a route takes only its kinds of credential', () => {
  const kinds = [...CREDENTIAL_KINDS, 'guest (cookie)'] as const;
  const platform: readonly string[] = ['user', 'api_key'];
  const cases = (
    [
      ['/elsewhere', platform],
      ['/api/v1/projects', platform],
      ['/api/session/thing', platform],
      ['/api/sessions', ['fleet_key', 'api_key']],
      ['/metrics', ['fleet_key', 'api_key', 'user']],
      ['/v1/echo', ['service']],
      ['/agent/thing', ['guest', 'guest (cookie)']],
      ['/api/v1/me', kinds],
    ] as const
  ).flatMap(([path, taken]) =>
    kinds.map((kind) => [path, kind, (taken as readonly string[]).includes(kind)] as const),
  );

  it.each(cases)('%s, shown %s: %s', async (path, kind, taken) => {
    const answer = await ask(path, kind);
    expect([answer.statusCode, taken ? undefined : answer.json().code]).toEqual(
      taken ? [200, undefined] : [401, 'UNAUTHORIZED'],
    );
  });

  it('says what it takes instead', async () => {
    const messageOf = async (path: string, kind: keyof typeof headersOf) =>
      (await ask(path, kind)).json().message as string;
    expect(await messageOf('/api/v1/projects', 'guest')).toBe(
      'This path takes a login token or an API key, not a guest session.',
    );
    expect(await messageOf('/v1/echo', 'user')).toBe(
      'This path takes a signed request, not a login token or an API key.',
    );
    expect(await messageOf('/agent/thing', 'api_key')).toBe(
      'This path takes a guest session, not an API key or a fleet key.',
    );
    expect(await messageOf('/api/sessions', 'user')).toBe('API key required');
    expect((await t.app.inject('/api/v1/projects')).json().message).toBe(
      'Authentication is required: this path takes a login token or an API key.',
    );
  });

  it('checks a credential of another kind no further', async () => {
    const answer = await t.app.inject({
      url: '/api/v1/projects',
      headers: { 'x-session-id': 'x', 'x-session-secret': 'x' },
    });
    expect(answer.json().message).toMatch(/^This path takes/);
  });

  it('never lets a fleet key into the platform, nor a guest into what a tenant has', async () => {
    for (const kind of ['fleet_key', 'guest', 'guest (cookie)', 'service'] as const) {
      for (const path of ['/api/v1/projects', '/api/v1/api-keys']) {
        expect((await ask(path, kind)).statusCode).toBe(401);
      }
    }
  });
});

describe('GET /api/v1/me', () => {
  it('tells each kind whom it is taken for', async () => {
    for (const kind of CREDENTIAL_KINDS) {
      const { data } = (await ask('/api/v1/me', kind)).json();
      expect(data.kind).toBe(kind);
      expect(data.actor).toMatch(
        { user: /^user:/, api_key: /^key:/, fleet_key: /^key:fleet-/, service: /^user:/, guest: /^guest:/ }[
          kind
        ],
      );
      expect(data.user_id === null).toBe(kind !== 'user' && kind !== 'service');
      expect(data.scopes).toEqual(
        {
          user: ['read', 'write', 'hold', 'admin'],
          api_key: ['admin'],
          fleet_key: ['read', 'write', 'hold'],
          service: ['read', 'write'],
          guest: [],
        }[kind],
      );
      expect(data.expires_at === null).toBe(kind !== 'user' && kind !== 'guest');
    }
  });
});

describe('two credentials at once', () => {
  const both = (one: keyof typeof headersOf, other: keyof typeof headersOf, path = '/api/v1/me') =>
    t.app.inject({
      url: path,
      headers: { ...headersOf[one]('GET', path), ...headersOf[other]('GET', path) },
    });
  const explicit = ['user', 'api_key', 'service', 'guest'] as const;

  it.each(
    explicit.flatMap((one) => explicit.filter((other) => other > one).map((other) => [one, other] as const)),
  )('refuses %s with %s', async (one, other) => {
    const answer = await both(one, other);
    expect([answer.statusCode, answer.json().message]).toEqual([
      401,
      'Two different credentials were given.',
    ]);
  });
  it('takes the one given on purpose before the cookie that browsers add', async () => {
    expect((await both('user', 'guest (cookie)')).json().data.kind).toBe('user');
    expect((await both('service', 'guest (cookie)')).json().data.kind).toBe('service');
  });
  it('does not fall back to the cookie when the other is wrong', async () => {
    const headers = { ...headersOf['guest (cookie)']('GET', ''), authorization: 'Bearer nonsense' };
    expect((await t.app.inject({ url: '/api/v1/me', headers })).statusCode).toBe(401);
  });
});

describe('the table of surfaces', () => {
  it('knows a prefix by whole segments, and the longest one first', () => {
    expect(acceptsOf({ url: '/api/sessions/:id' })).toEqual(['fleet_key', 'api_key']);
    expect(acceptsOf({ url: '/api/session/latest' })).toEqual(['user', 'api_key']);
    expect(acceptsOf({ url: '/v1' })).toEqual(['service']);
    expect(acceptsOf({ url: '/v10/thing' })).toEqual(['user', 'api_key']);
    expect(acceptsOf({ url: '/agents' })).toEqual(['user', 'api_key']);
    expect(acceptsOf({ url: '/v1/thing', accepts: ['guest'] })).toEqual(['guest']);
  });
  it('names kinds only', () => {
    for (const kinds of Object.values(ENTRANCES)) {
      expect(kinds.length).toBeGreaterThan(0);
      for (const kind of kinds) expect(CREDENTIAL_KINDS).toContain(kind);
    }
  });
});

it('BF-1.3.c documents for each route the schemes it takes', async () => {
  const document = (await t.app.inject('/api/openapi.json')).json();
  const security = (path: string) => document.paths[path].get.security as Record<string, unknown>[];
  const { securitySchemes } = document.components;
  const headersOf = (path: string) =>
    security(path).map((way) => Object.keys(way).map((name) => securitySchemes[name].name ?? name));
  expect(headersOf('/api/v1/projects')).toEqual([['bearer'], ['X-API-Key']]);
  expect(headersOf('/api/sessions')).toEqual([['X-API-Key'], ['bearer']]);
  expect(headersOf('/v1/echo')).toEqual([['x-sheen-signature', 'x-sheen-timestamp', 'x-user-id']]);
  expect(headersOf('/agent/thing')).toEqual([['__Host-sid'], ['X-Session-Id', 'X-Session-Secret']]);
  expect(new Set(headersOf('/api/v1/me').flat())).toEqual(
    new Set(Object.entries<{ name?: string }>(securitySchemes).map(([name, scheme]) => scheme.name ?? name)),
  );
  expect(document.paths['/api/v1/guest-sessions'].post.security).toEqual([]);
});
