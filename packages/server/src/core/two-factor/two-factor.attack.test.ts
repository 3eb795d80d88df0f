import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsFor, type AccountHarness, type OpenAccountCtx } from '../../../test/account-harness.ts';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { testLimits } from '../../../test/limits.ts';
import { createMemoryStore } from '../../infra/limit/index.ts';
import { challengeFor } from '../identity/index.ts';
import { enableTwoFactor, getTwoFactor, setUpTwoFactor, verifyTwoFactor } from './index.ts';

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'allowed',
    (error: unknown) => (error as { code?: unknown }).code,
  );
const times = <T>(count: number, value: T): T[] => Array<T>(count).fill(value);

describe.each(ENGINES)('attacks on the second factor on %s', (engine) => {
  let h: Harness;
  let a: AccountHarness;
  beforeAll(async () => {
    h = await openHarness({ engine });
    a = accountsFor(h);
  }, 30_000);
  afterAll(() => h.close());

  /** As the server has it: with the numbers of a new installation. */
  const limited = (): OpenAccountCtx => ({
    ...a.open,
    limits: testLimits({ ...h.services, clock: a.clock }, {}),
  });
  const newChallenge = async (id: string) => (await challengeFor(a.identity, id))!.challenge_token;
  /** Six digits that the app shows at none of the three steps that would be taken. */
  function wrongCodes(secret: string, count: number): string[] {
    const right = [-1, 0, 1].map((steps) => a.codeOf(secret, steps));
    const codes = Array.from({ length: count + 3 }, (_, n) => String(100_000 + n));
    return codes.filter((code) => !right.includes(code)).slice(0, count);
  }

  it('brute force of one challenge ends after five codes, and the right one with it', async () => {
    const { id, tenantId, secret } = await a.createGuardedUser();
    const challenge_token = await newChallenge(id);
    const seen: unknown[] = [];
    for (const code of wrongCodes(secret, 7)) {
      seen.push(await codeOf(verifyTwoFactor(a.open, { challenge_token, code })));
    }
    expect(seen).toEqual(times(7, 'UNAUTHORIZED'));
    const right = { challenge_token, code: a.codeOf(secret) };
    await expect(verifyTwoFactor(a.open, right)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringContaining('ended'),
    });
    expect(await auditEntries(h.db, tenantId, 'two_factor.failed')).toHaveLength(5);
    const fresh = { ...right, challenge_token: await newChallenge(id) };
    expect(await codeOf(verifyTwoFactor(a.open, fresh))).toBe('allowed');
  });

  it('brute force of one challenge by 50 codes at the same time judges five of them', async () => {
    const { id, tenantId, secret } = await a.createGuardedUser();
    const challenge_token = await newChallenge(id);
    const codes = wrongCodes(secret, 50);
    const seen = await Promise.all(
      codes.map((code) => codeOf(verifyTwoFactor(a.open, { challenge_token, code }))),
    );
    expect(seen).toEqual(times(50, 'UNAUTHORIZED'));
    expect(await auditEntries(h.db, tenantId, 'two_factor.failed')).toHaveLength(5);
  });

  it('brute force over many challenges ends after five codes a minute, 20 an hour, 60 a day', async () => {
    const { id, secret } = await a.createGuardedUser();
    const on = limited();
    const guess = async () => {
      const [code] = wrongCodes(secret, 1);
      return codeOf(verifyTwoFactor(on, { challenge_token: await newChallenge(id), code: code! }));
    };
    let judged = 0;
    for (let minute = 0; minute < 24 * 60; minute += 12) {
      for (let n = 0; n < 6; n += 1) if ((await guess()) === 'UNAUTHORIZED') judged += 1;
      if (minute === 0) expect(judged).toBe(5);
      if (minute === 48) expect(judged).toBe(20);
      a.clock.advance(12 * 60_000);
    }
    expect(judged).toBe(60);
  });

  it('the limit holds for the right code too, and for one user only', async () => {
    const [user, other] = [await a.createGuardedUser(), await a.createGuardedUser()];
    const on = limited();
    const verify = async (id: string, code: string) =>
      codeOf(verifyTwoFactor(on, { challenge_token: await newChallenge(id), code }));
    for (const code of wrongCodes(user.secret, 5)) {
      expect(await verify(user.id, code)).toBe('UNAUTHORIZED');
    }
    expect(await verify(user.id, a.codeOf(user.secret))).toBe('RATE_LIMIT');
    expect(await verify(other.id, a.codeOf(other.secret))).toBe('allowed');
  });

  it('brute force of a backup code meets the same limit', async () => {
    const { id, backupCodes } = await a.createGuardedUser();
    const on = limited();
    const redeem = async (backup_code: string) =>
      codeOf(verifyTwoFactor(on, { challenge_token: await newChallenge(id), backup_code }));
    const seen = [];
    for (let n = 0; n < 6; n += 1) seen.push(await redeem(`0000-0000-0000-000${n}`));
    expect(seen).toEqual([...times(5, 'UNAUTHORIZED'), 'RATE_LIMIT']);
    expect(await redeem(backupCodes[0]!)).toBe('RATE_LIMIT');
    expect((await getTwoFactor(a.as({ ...(await a.createUser()), id }))).backup_codes_left).toBe(10);
  });

  it('brute force with a stolen token meets it at the other calls too', async () => {
    const user = await a.createUser();
    const { secret } = await setUpTwoFactor(a.as(user));
    const on = { ...a.as(user), limits: limited().limits };
    const seen = [];
    for (const code of wrongCodes(secret, 6)) seen.push(await codeOf(enableTwoFactor(on, { code })));
    expect(seen).toEqual([...times(5, 'VALIDATION_ERROR'), 'RATE_LIMIT']);
  });

  it('fails closed: no code is judged while uses cannot be counted', async () => {
    const { id, secret } = await a.createGuardedUser();
    const parts = { ...h.services, clock: a.clock };
    const store = {
      ...createMemoryStore(parts),
      engine: 'redis',
      take: () => Promise.reject(new Error('down')),
    } as const;
    const on = { ...a.open, limits: testLimits(parts, {}, { store }) };
    const right = { challenge_token: await newChallenge(id), code: a.codeOf(secret) };
    expect(await codeOf(verifyTwoFactor(on, right))).toBe('SERVICE_UNAVAILABLE');
    expect(await codeOf(verifyTwoFactor(a.open, right))).toBe('allowed');
  });
});
