import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsFor,
  mailsTo,
  PASSWORD,
  type AccountHarness,
  type OpenAccountCtx,
} from '../../../test/account-harness.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { testLimits } from '../../../test/limits.ts';
import {
  changePassword,
  confirmPasswordReset,
  registerUser,
  requestPasswordReset,
  resendVerification,
} from './index.ts';

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'allowed',
    (error: unknown) => (error as { code?: unknown }).code,
  );
const times = <T>(count: number, value: T): T[] => Array<T>(count).fill(value);
const randomToken = () => randomBytes(32).toString('base64url');
let lastIp = 0;
const newIp = () => `10.0.${(lastIp += 1) >> 8}.${lastIp & 255}`;

describe.each(ENGINES)('attacks on accounts on %s', (engine) => {
  let h: Harness;
  let a: AccountHarness;
  beforeAll(async () => {
    h = await openHarness({ engine });
    a = accountsFor(h);
  }, 30_000);
  afterAll(() => h.close());

  /** As the server has it, with the numbers of a new installation; each call comes from `ip()`. */
  function limited(ip: () => string): () => OpenAccountCtx {
    const limits = testLimits({ ...h.services, clock: a.clock }, {});
    return () => ({ ...a.open, limits, client: { ip: ip(), userAgent: null } });
  }
  const oneIp = () => {
    const ip = newIp();
    return limited(() => ip);
  };
  async function repeat(count: number, call: () => Promise<unknown>): Promise<unknown[]> {
    const seen = [];
    for (let n = 0; n < count; n += 1) seen.push(await codeOf(call()));
    return seen;
  }

  it('brute force of reset tokens ends after three a minute from one address', async () => {
    const on = oneIp();
    const guess = () => confirmPasswordReset(on(), { token: randomToken(), password: PASSWORD });
    expect(await repeat(5, guess)).toEqual([...times(3, 'LINK_EXPIRED'), 'RATE_LIMIT', 'RATE_LIMIT']);
    a.clock.advance(60_000);
    expect(await repeat(1, guess)).toEqual(['LINK_EXPIRED']);
  });

  it('reset mail flood: a mailbox gets three mails a minute and ten an hour, from however many addresses', async () => {
    const { email } = await a.createUser();
    const on = limited(newIp);
    const flood = () => repeat(6, () => requestPasswordReset(on(), { email }));
    expect(await flood()).toEqual([...times(3, 'allowed'), ...times(3, 'RATE_LIMIT')]);
    for (let minute = 0; minute < 5; minute += 1) {
      a.clock.advance(60_000);
      await flood();
    }
    expect(await mailsTo(h, email)).toHaveLength(10);
  });

  it('reset mail flood: the limit counts for unknown addresses as for known ones', async () => {
    const { email } = await a.createUser();
    const on = limited(newIp);
    const ask = (address: string) => repeat(4, () => requestPasswordReset(on(), { email: address }));
    expect(await ask(`${randomUUID()}@example.com`)).toEqual(await ask(email));
    expect(await codeOf(requestPasswordReset(on(), { email: email.toUpperCase() }))).toBe('RATE_LIMIT');
  });

  it('reset mail flood: one address cannot write to many mailboxes', async () => {
    const on = oneIp();
    const seen = await repeat(5, async () =>
      requestPasswordReset(on(), { email: (await a.createUser()).email }),
    );
    expect(seen).toEqual([...times(3, 'allowed'), ...times(2, 'RATE_LIMIT')]);
  });

  it('verification mail flood: a mailbox gets three mails a minute', async () => {
    const { email } = await a.createUser({ verified: false });
    const on = limited(newIp);
    const seen = await repeat(5, () => resendVerification(on(), { email }));
    expect(seen).toEqual([...times(3, 'allowed'), ...times(2, 'RATE_LIMIT')]);
    expect(await mailsTo(h, email)).toHaveLength(3);
  });

  it('registration flood: from one address, and to one mailbox', async () => {
    const on = oneIp();
    const register = (ctx: OpenAccountCtx, email: string) =>
      registerUser(ctx, { name: 'Ann', email, password: PASSWORD });
    const fresh = () => register(on(), `${randomUUID()}@example.com`);
    expect(await repeat(6, fresh)).toEqual([...times(5, 'allowed'), 'RATE_LIMIT']);
    const { email } = await a.createUser();
    const from = limited(newIp);
    expect(await repeat(6, () => register(from(), email))).toEqual([...times(5, 'allowed'), 'RATE_LIMIT']);
    expect(await mailsTo(h, email)).toHaveLength(5);
  });

  it('brute force of the current password with a stolen token counts as logins do', async () => {
    const user = await a.createUser();
    const on = { ...a.as(user), limits: oneIp()().limits };
    const guess = () => changePassword(on, { current_password: 'wrong', new_password: 'another password 8' });
    expect(await repeat(11, guess)).toEqual([...times(10, 'VALIDATION_ERROR'), 'RATE_LIMIT']);
    const right = { current_password: PASSWORD, new_password: 'another password 8' };
    expect(await codeOf(changePassword(on, right))).toBe('RATE_LIMIT');
  });
});
