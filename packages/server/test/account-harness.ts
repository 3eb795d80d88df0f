import { randomUUID } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { enableTwoFactor, setUpTwoFactor, type TwoFactorParts } from '../src/core/two-factor/index.ts';
import type { AccountParts, AccountSettings } from '../src/core/account/index.ts';
import type { Client, Ctx } from '../src/core/context.ts';
import { login, type IdentityServices } from '../src/core/identity/index.ts';
import type { Limits } from '../src/core/ports.ts';
import { createAuthenticators } from '../src/infra/auth/index.ts';
import type { Harness } from './harness.ts';
import { ctxOf, identityFor, SECRET } from './identity-harness.ts';
import { ManualClock } from './manual-clock.ts';

export const PASSWORD = 'a password of its own 7';
export const CLIENT: Client = { ip: '198.51.100.7', userAgent: 'vitest' };

/** What account verbs take, with nobody known. */
export type OpenAccountCtx = Omit<Ctx, 'principal'> & IdentityServices & AccountParts & TwoFactorParts;

export interface AccountHarness {
  readonly clock: ManualClock;
  readonly identity: IdentityServices;
  readonly parts: AccountParts & TwoFactorParts;
  readonly open: OpenAccountCtx;
  /** A context of its own for that user and login. */
  as(user: TestUser): Ctx & OpenAccountCtx;
  /** A verified user with PASSWORD and a team, logged in. */
  createUser(input?: { verified?: boolean }): Promise<TestUser>;
  /** The code an app shows now, or some steps of 30 s from now. */
  codeOf(secret: string, steps?: number): string;
  /** A user with a second factor; its first code is used, so time has moved on by a step. */
  createGuardedUser(): Promise<TestUser & { secret: string; backupCodes: string[] }>;
}

export interface TestUser {
  id: string;
  email: string;
  tenantId: string;
  loginId: string;
  accessToken: string;
}

export function accountsFor(
  h: Harness,
  options: { account?: Partial<AccountSettings>; limits?: Limits; requireVerifiedEmail?: boolean } = {},
): AccountHarness {
  const clock = new ManualClock();
  const { limits = h.services.limits, requireVerifiedEmail } = options;
  const identity = { ...identityFor(h.db, clock), limits, requireVerifiedEmail };
  const parts = {
    accounts: identity.accounts,
    authenticators: createAuthenticators({ secret: SECRET }),
    account: { registration: 'open', answerFloorMs: 0, ...options.account } as const,
  };
  const base = { ...h.services, ...identity, ...parts, client: CLIENT };
  const harness: AccountHarness = {
    clock,
    identity,
    parts,
    get open() {
      return { ...base, requestId: randomUUID() };
    },
    as({ id, tenantId, loginId }) {
      const ctx = ctxOf(h, identity, { tenantId, actor: `user:${id}` });
      const principal = { ...ctx.principal, kind: 'user', userId: id, loginId } as const;
      return { ...ctx, ...base, principal };
    },
    async createUser({ verified = true } = {}) {
      const { tenantId } = await h.createTenant();
      const email = `${randomUUID()}@example.com`;
      const user = await h.db.transaction((tx) =>
        identity.accounts.createUser(tx, { email, name: 'Ann', password: PASSWORD, verified }),
      );
      await h.db.kysely
        .insertInto('memberships')
        .values({ tenant_id: tenantId, user_id: user.id, role: 'owner' })
        .execute();
      const { accessToken } = await login(identity, { email, password: PASSWORD });
      const claims = await identity.tokens.verify(accessToken);
      return { id: user.id, email, tenantId, loginId: claims!.loginId, accessToken };
    },
    codeOf: (secret, steps = 0) =>
      TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: clock.now() + steps * 30_000 }),
    async createGuardedUser() {
      const user = await harness.createUser();
      const { secret } = await setUpTwoFactor(harness.as(user));
      const { backup_codes: backupCodes } = await enableTwoFactor(harness.as(user), {
        code: harness.codeOf(secret),
      });
      clock.advance(30_000);
      return { ...user, secret, backupCodes };
    },
  };
  return harness;
}

export interface TestMail {
  template: string;
  variables: { name?: string; url?: string; token?: string };
}

/** What was queued for that address, oldest first. */
export async function mailsTo(h: Harness, email: string): Promise<TestMail[]> {
  const rows = await h.db.kysely
    .selectFrom('emails')
    .select(['template', 'variables'])
    .where('recipient', '=', email)
    .orderBy('id')
    .execute();
  return rows.map(({ template, variables }) => ({
    template,
    variables: JSON.parse(variables) as TestMail['variables'],
  }));
}
