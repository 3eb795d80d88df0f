import type { Ctx } from '../context.ts';
import type { IdentityServices } from '../identity/index.ts';
import type { Accounts, Authenticators } from '../ports.ts';

export interface TwoFactorParts {
  readonly accounts: Accounts;
  readonly authenticators: Authenticators;
}

/** Of a verb of a user who is logged in. */
export type TwoFactorCtx = Ctx & TwoFactorParts;

/** Of the second step of a login, when the user is not known yet. */
export type OpenTwoFactorCtx = Omit<Ctx, 'principal'> & IdentityServices & TwoFactorParts;
