import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { openCredentialApp, type CredentialApp } from '../../../test/credential-app.ts';
import { openHarness, type Harness } from '../../../test/harness.ts';
import { listen } from '../../../test/http-app.ts';
import { HOUR, SECRET } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { GuestCookies } from '../../core/guest/index.ts';
import { updateProject } from '../../core/project/index.ts';

const HOST = 'holdfast.example';
const OWN = { origin: `http://${HOST}` };
const SESSIONS = '/api/v1/guest-sessions';

let h: Harness;
let clock: ManualClock;
let t: CredentialApp;
let secure: CredentialApp;
let projectId: string;
let closedProjectId: string;
beforeAll(async () => {
  h = await openHarness();
  clock = new ManualClock();
  const { tenantId, projectId: open } = await h.createTenant();
  projectId = open;
  ({ projectId: closedProjectId } = await h.createTenant());
  await updateProject(h.ctxFor({ tenantId }), projectId, { guest_access: true });
  t = openCredentialApp(h, { clock });
  secure = openCredentialApp(h, { clock, publicUrl: `https://${HOST}` });
}, 60_000);
afterAll(async () => {
  await Promise.all([t.app.close(), secure.app.close()]);
  await h.close();
});

interface Guest {
  guest_id: string;
  secret: string;
  expires_at: string;
  /** Whole Set-Cookie header. */
  setCookie: string;
  /** `name=value` */
  cookie: string;
}

async function start(on = t, headers: Record<string, string> = {}): Promise<Guest> {
  const answer = await on.app.inject({
    method: 'POST',
    url: SESSIONS,
    headers: { host: HOST, ...headers },
    payload: { project_id: projectId },
  });
  expect(answer.statusCode).toBe(201);
  const setCookie = String(answer.headers['set-cookie']);
  return { ...answer.json().data, setCookie, cookie: setCookie.split(';')[0]! };
}

type Method = 'GET' | 'POST' | 'DELETE';
function ask(method: Method, headers: Record<string, string>, on = t, url = '/agent/thing') {
  const payload = method === 'POST' ? {} : undefined;
  return on.app.inject({ method, url, headers: { host: HOST, ...headers }, payload });
}
const statusOf = async (...args: Parameters<typeof ask>) => (await ask(...args)).statusCode;

describe('a guest session over HTTP', () => {
  it('TASK-005.a is kept by the cookie, or by the headers', async () => {
    const { guest_id, secret, cookie } = await start();
    const actor = `guest:${guest_id}`;
    const byHeaders = { 'x-session-id': guest_id, 'x-session-secret': secret };
    for (const headers of [{ cookie }, byHeaders]) {
      expect((await ask('GET', headers)).json().data.actor).toBe(actor);
      expect((await ask('POST', { ...headers, ...OWN })).json().data.actor).toBe(actor);
    }
    expect((await ask('POST', byHeaders)).statusCode).toBe(200);
  });

  it('TASK-005.e sets a cookie that scripts cannot read and other sites cannot send', async () => {
    const { setCookie, guest_id } = await start();
    expect(setCookie).toMatch(/^sid=[\w.-]+; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/);
    expect(setCookie).toContain(guest_id);
  });

  it('TASK-005.e marks it Secure and binds it to the host behind TLS', async () => {
    const { setCookie } = await start(secure);
    expect(setCookie).toMatch(/^__Host-sid=[\w.-]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/);
    expect(setCookie).not.toContain('Domain');
  });

  it('ends by DELETE, which removes the cookie too', async () => {
    const [guest, other] = [await start(), await start()];
    const answer = await ask('DELETE', { cookie: guest.cookie, ...OWN }, t, SESSIONS);
    expect(answer.statusCode).toBe(204);
    expect(answer.headers['set-cookie']).toMatch(/^sid=; Path=\/; Max-Age=0;/);
    expect(await statusOf('GET', { cookie: guest.cookie })).toBe(401);
    expect(await statusOf('GET', { 'x-session-id': guest.guest_id, 'x-session-secret': guest.secret })).toBe(
      401,
    );
    expect(await statusOf('GET', { cookie: other.cookie })).toBe(200);
  });

  it('ends after 24 idle hours', async () => {
    const { cookie } = await start();
    clock.advance(24 * HOUR - 1);
    expect(await statusOf('GET', { cookie })).toBe(200);
    clock.advance(24 * HOUR);
    expect(await statusOf('GET', { cookie })).toBe(401);
  });

  it('is not started in a project that takes no guests, which looks like an unknown one', async () => {
    const told = async (project_id: string) => {
      const answer = await t.app.inject({ method: 'POST', url: SESSIONS, payload: { project_id } });
      expect(answer.headers['set-cookie']).toBeUndefined();
      return [answer.statusCode, answer.json().code, answer.json().message];
    };
    expect(await told(closedProjectId)).toEqual([404, 'NOT_FOUND', 'Project not found.']);
    expect(await told(randomUUID())).toEqual(await told(closedProjectId));
    expect((await told('x'))[0]).toBe(400);
  });
});

describe('an attack on the guest session', () => {
  it('session fixation: a cookie set by the client is never adopted', async () => {
    const victim = await start();
    for (const planted of [victim.cookie, 'sid=attacker', `sid=${victim.guest_id}`]) {
      const made = await start(t, { cookie: planted, ...OWN });
      expect(made.guest_id).not.toBe(victim.guest_id);
      expect(made.cookie).not.toBe(planted);
    }
    const body = { project_id: projectId, guest_id: victim.guest_id, secret: victim.secret };
    const answer = await t.app.inject({ method: 'POST', url: SESSIONS, payload: body });
    expect(answer.statusCode).toBe(400);
  });

  it('altered cookie: any part of another session or key', async () => {
    const [one, two] = [await start(), await start()];
    const [id, secret, seal] = one.cookie.slice(4).split('.') as [string, string, string];
    const [otherId, otherSecret, otherSeal] = two.cookie.slice(4).split('.') as [string, string, string];
    const foreign = new GuestCookies(['another installation entirely']).seal({ id, secret });
    const values = [
      `${otherId}.${secret}.${seal}`,
      `${id}.${otherSecret}.${seal}`,
      `${id}.${secret}.${otherSeal}`,
      `${id}.${secret}`,
      `${id}.${secret}.`,
      `${id}..${seal}`,
      foreign,
      id,
      secret,
      '',
      '%00',
      `"${id}.${secret}.${seal}"`,
    ];
    for (const value of values) expect(await statusOf('GET', { cookie: `sid=${value}` })).toBe(401);
    expect(await statusOf('GET', { cookie: one.cookie })).toBe(200);
  });

  it('guessed id: the headers need the secret of that very session', async () => {
    const [one, two] = [await start(), await start()];
    for (const headers of [
      { 'x-session-id': one.guest_id, 'x-session-secret': two.secret },
      { 'x-session-id': one.guest_id, 'x-session-secret': 'x' },
      { 'x-session-id': one.guest_id, 'x-session-secret': '' },
      { 'x-session-id': one.guest_id },
      { 'x-session-secret': one.secret },
    ] as Record<string, string>[]) {
      expect(await statusOf('GET', headers)).toBe(401);
    }
  });

  it('cookie tossing: two cookies of the name, or one without the prefix behind TLS', async () => {
    const [mine, planted] = [await start(), await start()];
    expect(await statusOf('GET', { cookie: `${planted.cookie}; ${mine.cookie}` })).toBe(401);
    expect(await statusOf('GET', { cookie: `${mine.cookie}; ${mine.cookie}` })).toBe(401);
    const strict = await start(secure);
    expect(await statusOf('GET', { cookie: strict.cookie }, secure)).toBe(200);
    expect(await statusOf('GET', { cookie: `${planted.cookie}; ${strict.cookie}` }, secure)).toBe(200);
    expect(await statusOf('GET', { cookie: planted.cookie }, secure)).toBe(401);
    expect(await statusOf('GET', { cookie: `xsid=1; sid2=2; ${mine.cookie}` })).toBe(200);
  });

  it('header duplicates: a second session id or secret', async () => {
    const { guest_id, secret } = await start();
    const port = t.app.server.listening ? 0 : await listen(t.app);
    const base = ['GET /agent/thing HTTP/1.1', 'Host: a', 'Connection: close'];
    const own = [`X-Session-Id: ${guest_id}`, `X-Session-Secret: ${secret}`];
    for (const twin of own) {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      socket.write(`${[...base, ...own, twin].join('\r\n')}\r\n\r\n`);
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 401/);
      socket.destroy();
    }
  });

  it('old key: a cookie sealed before JWT_SECRET was replaced is taken while the old one is known', async () => {
    const { cookie } = await start();
    const next = openCredentialApp(h, { clock, cookieSecrets: ['a new secret of the installation', SECRET] });
    const later = openCredentialApp(h, { clock, cookieSecrets: ['a new secret of the installation'] });
    expect(await statusOf('GET', { cookie }, next)).toBe(200);
    expect(await statusOf('GET', { cookie }, later)).toBe(401);
    await Promise.all([next.app.close(), later.app.close()]);
  });

  it('leaves no secret in the log', async () => {
    const { secret, cookie } = await start();
    await ask('GET', { cookie });
    await ask('GET', { cookie: `${cookie}x` });
    expect(t.text()).not.toContain(secret);
  });
});

describe('CSRF', () => {
  const cases: [string, Record<string, string>, boolean][] = [
    ['same origin', { origin: `http://${HOST}` }, true],
    [
      'same origin, said by the browser too',
      { origin: `http://${HOST}`, 'sec-fetch-site': 'same-origin' },
      true,
    ],
    ['same origin by Sec-Fetch-Site alone', { 'sec-fetch-site': 'same-origin' }, true],
    ['missing Origin', {}, false],
    ['Origin null', { origin: 'null' }, false],
    ['Origin null, claimed to be the same', { origin: 'null', 'sec-fetch-site': 'same-origin' }, false],
    ['another site', { origin: 'https://evil.example' }, false],
    ['sub-domain', { origin: `http://sub.${HOST}` }, false],
    ['parent domain', { origin: 'http://example' }, false],
    ['name that begins alike', { origin: `http://${HOST}.evil.example` }, false],
    ['name that ends alike', { origin: `http://evil-${HOST}` }, false],
    ['user part', { origin: `http://${HOST}@evil.example` }, false],
    ['another port', { origin: `http://${HOST}:8080` }, false],
    ['another scheme', { origin: `https://${HOST}` }, false],
    ['sibling, by Sec-Fetch-Site', { origin: `http://${HOST}`, 'sec-fetch-site': 'same-site' }, false],
    ['cross-site, by Sec-Fetch-Site', { origin: `http://${HOST}`, 'sec-fetch-site': 'cross-site' }, false],
    ['typed address', { 'sec-fetch-site': 'none' }, false],
    ['Referer alone', { referer: `http://${HOST}/page` }, false],
    [
      'forged forwarding headers',
      { origin: 'https://evil.example', 'x-forwarded-host': 'evil.example' },
      false,
    ],
  ];

  it.each(cases)('%s', async (_name, headers, taken) => {
    const { cookie } = await start();
    for (const method of ['POST', 'DELETE'] as const) {
      const answer = await ask(method, { cookie, ...headers });
      expect([answer.statusCode, taken ? '' : answer.json().code]).toEqual(
        taken ? [200, ''] : [403, 'FORBIDDEN'],
      );
    }
    expect(await statusOf('GET', { cookie, ...headers })).toBe(200);
  });

  it.each([
    ['text/plain', '{"a":1}'],
    ['text/plain;application/json', '{"a":1}'],
    ['application/x-www-form-urlencoded', 'a=1'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/json-seq', '{}'],
  ])('content type %s, which needs no preflight', async (type, payload) => {
    const { cookie } = await start();
    const headers = { host: HOST, cookie, 'content-type': type };
    const post = async (url: string, origin: string) =>
      (await t.app.inject({ method: 'POST', url, headers: { ...headers, origin }, payload })).statusCode;
    expect(await post('/agent/thing', 'https://evil.example')).toBe(403);
    for (const url of ['/agent/thing', SESSIONS]) expect(await post(url, OWN.origin)).toBe(415);
  });

  it('form without a body, which needs no content type', async () => {
    const { cookie } = await start();
    const headers = { host: HOST, cookie, origin: 'https://evil.example' };
    for (const method of ['POST', 'DELETE'] as const) {
      expect((await t.app.inject({ method, url: '/agent/thing', headers })).statusCode).toBe(403);
    }
  });

  it('logout by another site', async () => {
    const { cookie } = await start();
    const answer = await ask('DELETE', { cookie, origin: 'https://evil.example' }, t, SESSIONS);
    expect(answer.statusCode).toBe(403);
    expect(await statusOf('GET', { cookie })).toBe(200);
  });

  it('takes the public address for the own one behind a proxy', async () => {
    const { cookie } = await start(secure);
    const inner = { host: '10.0.0.7:7300', cookie };
    expect(await statusOf('POST', { ...inner, origin: `https://${HOST}` }, secure)).toBe(200);
    expect(await statusOf('POST', { ...inner, origin: `https://sub.${HOST}` }, secure)).toBe(403);
    expect(await statusOf('POST', { ...inner, origin: 'http://10.0.0.7:7300' }, secure)).toBe(200);
  });

  it('is no matter for headers, which a foreign page cannot send', async () => {
    const { guest_id, secret } = await start();
    const headers = { 'x-session-id': guest_id, 'x-session-secret': secret };
    expect(await statusOf('POST', { ...headers, origin: 'https://evil.example' })).toBe(200);
  });

  it('cross-site WebSocket hijacking', async () => {
    const { cookie, guest_id } = await start();
    const app = openCredentialApp(h, { clock });
    const port = await listen(app.app);
    const open = (headers: Record<string, string>) => {
      const seen = { message: '', status: 0 };
      const ws = new WebSocket(`ws://127.0.0.1:${port}/ws/chat`, { headers });
      ws.on('message', (data) => {
        seen.message = (data as Buffer).toString();
        ws.terminate();
      });
      ws.on('unexpected-response', (_request, response) => {
        seen.status = response.statusCode ?? 0;
        response.destroy();
      });
      ws.on('error', () => undefined);
      return seen;
    };
    const own = open({ cookie, origin: `http://127.0.0.1:${port}` });
    const refused = [
      open({ cookie, origin: 'https://evil.example' }),
      open({ cookie, origin: 'null' }),
      open({ cookie }),
    ];
    await vi.waitFor(() => {
      expect(own.message).toBe(`guest:${guest_id}`);
      expect(refused.map(({ status }) => status)).toEqual([403, 403, 403]);
    });
    await app.app.close();
  });

  it('reports what it refuses', async () => {
    const { cookie } = await start();
    t.denials.splice(0);
    await ask('POST', { cookie, origin: 'https://evil.example' });
    expect(t.denials).toMatchObject([{ principal: null, route: '/agent/thing', method: 'POST' }]);
  });
});
