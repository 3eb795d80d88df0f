import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, silentLogger, type Harness } from '../../../test/harness.ts';
import { createMember, ctxOfToken, HOUR, identityFor, logIn } from '../../../test/identity-harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { createLocalBus } from '../../infra/bus/local-bus.ts';
import { createMemoryStore } from '../../infra/limit/index.ts';
import { SYSTEM_TENANT } from '../audit/index.ts';
import { DEFAULT_POLICIES, Limiter, policiesWith } from '../limit/index.ts';
import { authenticate, listLogins, login, type IdentityServices } from './index.ts';

const PAGE = { limit: 20 };
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'allowed',
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe.each(ENGINES)('attacks on the login on %s', (engine) => {
  let h: Harness;
  let tenantId: string;
  const clock = new ManualClock();
  let services: IdentityServices;
  beforeAll(async () => {
    h = await openHarness({ engine });
    services = identityFor(h.db, clock);
    ({ tenantId } = await h.createTenant());
  }, 30_000);
  afterAll(() => h.close());

  /** As the server has it. */
  const limited = (policies = DEFAULT_POLICIES): IdentityServices => {
    const store = createMemoryStore({ clock });
    const parts = { db: h.db, bus: createLocalBus(), clock, logger: silentLogger, fallback: store };
    return { ...services, limits: new Limiter({ ...parts, store, policies }) };
  };
  const guess = (on: IdentityServices, email: string, ip: string, password = 'wrong') =>
    codeOf(login(on, { email, password }, { client: { ip, userAgent: null } }));

  describe('brute force', () => {
    it('of one e-mail from one address ends after ten guesses, and the right password with it', async () => {
      const on = limited();
      const { email, password } = await createMember(services, tenantId);
      const codes = [];
      for (let n = 0; n < 12; n += 1) codes.push(await guess(on, email, '203.0.113.1'));
      expect(codes).toEqual([...Array(10).fill('UNAUTHORIZED'), 'RATE_LIMIT', 'RATE_LIMIT']);
      expect(await guess(on, email, '203.0.113.1', password)).toBe('RATE_LIMIT');
      expect(await guess(on, email.toUpperCase(), '203.0.113.1', password)).toBe('RATE_LIMIT');
      expect(await guess(on, email, '203.0.113.2', password)).toBe('allowed');
      clock.advance(60_000);
      expect(await guess(on, email, '203.0.113.1', password)).toBe('allowed');
    });

    it('of one e-mail from many addresses ends too', async () => {
      const on = limited(policiesWith({ login_account: { hour: 5 } }));
      const { email, password } = await createMember(services, tenantId);
      const codes = await Promise.all(
        Array.from({ length: 8 }, (_, n) => guess(on, email, `198.51.100.${n}`)),
      );
      expect(codes.filter((code) => code === 'UNAUTHORIZED')).toHaveLength(5);
      expect(codes.filter((code) => code === 'RATE_LIMIT')).toHaveLength(3);
      expect(await guess(on, email, '198.51.100.200', password)).toBe('RATE_LIMIT');
    });

    it('is refused before the password is looked at', async () => {
      const on = limited();
      const { email } = await createMember(services, tenantId);
      let checked = 0;
      const accounts = {
        ...on.accounts,
        verifyPassword: async () => {
          checked += 1;
          return null;
        },
      };
      for (let n = 0; n < 20; n += 1) await guess({ ...on, accounts }, email, '203.0.113.3');
      expect(checked).toBe(10);
    });
  });

  it('guessing which e-mails exist: the same answer after comparable time', { timeout: 60_000 }, async () => {
    const { email } = await createMember(services, tenantId);
    const times: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] };
    const answers = new Set<string>();
    for (let n = 0; n < 9; n += 1) {
      for (const [kind, address] of [
        ['known', email],
        ['unknown', `nobody-${n}@example.com`],
      ] as const) {
        const begin = performance.now();
        const error = await login(services, { email: address, password: 'wrong' }).catch((e: unknown) => e);
        times[kind].push(performance.now() - begin);
        answers.add(JSON.stringify(error) + String(error));
      }
    }
    expect(answers.size).toBe(1);
    const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!;
    const ratio = median(times.known) / median(times.unknown);
    // A password is hashed either way, for some 80 ms; without that an unknown e-mail answers 20 times as fast.
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(2.5);
  });

  describe('session fixation', () => {
    const planted = '0198c0de-0000-7000-8000-00000000beef';

    it('a login takes no id from the client', async () => {
      const { email, password } = await createMember(services, tenantId);
      for (const name of ['id', 'sid', 'session_id', 'login_id', 'refresh_token', 'token', 'accessToken']) {
        await expect(login(services, { email, password, [name]: planted } as never)).rejects.toMatchObject({
          issues: [{ code: 'unrecognized_keys', keys: [name] }],
        });
      }
    });

    it('each login has a new id, and an earlier one is worth what it was worth', async () => {
      const victim = await createMember(services, tenantId);
      const attacker = await logIn(services, await createMember(services, tenantId));
      const before = await authenticate(services, { kind: 'bearer', value: attacker.accessToken });
      const logins = await Promise.all([logIn(services, victim), logIn(services, victim)]);
      const ids = await Promise.all(
        logins.map(async ({ accessToken }) => (await ctxOfToken(h, services, accessToken)).principal.loginId),
      );
      expect(new Set([...ids, before.loginId]).size).toBe(3);
      expect(await authenticate(services, { kind: 'bearer', value: attacker.accessToken })).toEqual(before);
    });
  });

  it('a user with a second factor gets a challenge and no token, not even a row', async () => {
    const member = await createMember(services, tenantId);
    await h.db.kysely
      .insertInto('two_factors')
      .values({ id: randomUUID(), user_id: member.userId, sealed_secret: 'x', enabled_at: new Date() })
      .execute();
    await expect(logIn(services, member)).rejects.toMatchObject({
      code: 'TWO_FACTOR_REQUIRED',
      extras: {
        details: {
          challenge_token: expect.any(String),
          expires_at: expect.any(String),
          methods: ['totp', 'backup_code'],
        },
      },
    });
    const rows = h.db.kysely.selectFrom('user_sessions').selectAll().where('user_id', '=', member.userId);
    expect(await rows.execute()).toEqual([]);
    expect(await codeOf(logIn(services, { ...member, password: 'wrong' }))).toBe('UNAUTHORIZED');
  });

  it('failed attempts are in the log of the team, of unknown e-mails in that of the installation', async () => {
    const member = await createMember(services, tenantId);
    const client = { ip: '203.0.113.9', userAgent: 'Guess/1' };
    await codeOf(logIn(services, { ...member, password: 'a wrong one' }, { client, requestId: 'r1' }));
    const mine = await auditEntries(h.db, tenantId, 'login.failed');
    expect(mine.at(-1)).toMatchObject({
      outcome: 'failure',
      actor: { id: 'anonymous' },
      targets: [{ type: 'user', id: member.userId }],
      context: { request_id: 'r1' },
    });
    const before = (await auditEntries(h.db, SYSTEM_TENANT, 'login.failed')).length;
    await codeOf(login(services, { email: 'nobody@example.com', password: 'a wrong one' }));
    const others = await auditEntries(h.db, SYSTEM_TENANT, 'login.failed');
    expect(others.slice(before)).toMatchObject([{ outcome: 'failure', targets: [{ type: 'email' }] }]);
    expect(JSON.stringify([mine, others])).not.toContain('a wrong one');
  });

  it('a stolen token does not outlive the login it is of, nor does it show the refresh token', async () => {
    const member = await createMember(services, tenantId);
    const stolen = await logIn(services, member);
    const ctx = await ctxOfToken(h, services, stolen.accessToken);
    expect(JSON.stringify(await listLogins(ctx, PAGE))).not.toContain('hfr_');
    clock.advance(HOUR);
    expect(await codeOf(ctxOfToken(h, services, stolen.accessToken))).toBe('UNAUTHORIZED');
  });
});
