import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsFor, type AccountHarness, type TestUser } from '../../../test/account-harness.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { SECRET } from '../../../test/identity-harness.ts';
import { createAuthenticators } from '../../infra/auth/index.ts';
import { challengeFor } from '../identity/index.ts';
import { resealFactors, verifyTwoFactor } from './index.ts';

const NEXT = 'the-next-secret-the-next-secret-the-next-1234';

describe.each(ENGINES)('change of JWT_SECRET on %s', (engine) => {
  let h: Harness;
  let a: AccountHarness;
  beforeAll(async () => {
    h = await openHarness({ engine });
    a = accountsFor(h);
  }, 30_000);
  afterAll(() => h.close());

  const sealedOf = async ({ id }: TestUser) =>
    (
      await h.db.kysely
        .selectFrom('two_factors')
        .select('sealed_secret')
        .where('user_id', '=', id)
        .executeTakeFirstOrThrow()
    ).sealed_secret;

  it('moves every second factor to the new secret, and codes go on', async () => {
    const users = [await a.createGuardedUser(), await a.createGuardedUser()];
    const both = createAuthenticators({ secret: NEXT, previousSecret: SECRET });
    const { moved } = await resealFactors({ db: h.db, authenticators: both });
    expect(moved).toBeGreaterThanOrEqual(users.length);
    expect(await resealFactors({ db: h.db, authenticators: both })).toMatchObject({ moved: 0 });
    const alone = { ...a.open, authenticators: createAuthenticators({ secret: NEXT }) };
    for (const user of users) {
      expect(await sealedOf(user)).toContain(both.sealedPrefix);
      const { challenge_token } = (await challengeFor(a.identity, user.id))!;
      expect(await verifyTwoFactor(alone, { challenge_token, code: a.codeOf(user.secret) })).toBeDefined();
    }
  });

  it('without the earlier secret leaves them as they are, and backup codes go on', async () => {
    const { backupCodes, secret, ...user } = await a.createGuardedUser();
    const sealed = await sealedOf(user);
    const lost = createAuthenticators({ secret: 'x'.repeat(40) });
    expect((await resealFactors({ db: h.db, authenticators: lost })).lost).toBeGreaterThanOrEqual(1);
    expect(await sealedOf(user)).toBe(sealed);
    const on = { ...a.open, authenticators: lost };
    const { challenge_token } = (await challengeFor(a.identity, user.id))!;
    const code = a.codeOf(secret);
    await expect(verifyTwoFactor(on, { challenge_token, code })).rejects.toThrow(/JWT_SECRET_PREVIOUS/);
    const backup_code = backupCodes[0]!;
    expect(await verifyTwoFactor(on, { challenge_token, backup_code })).toBeDefined();
  });
});
