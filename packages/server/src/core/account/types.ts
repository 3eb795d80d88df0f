import type { Ctx } from '../context.ts';
import type { Accounts } from '../ports.ts';

export interface AccountSettings {
  /** Who may make an account: anybody, who was invited, or nobody. */
  readonly registration: 'open' | 'invite' | 'closed';
  /**
   * Answers that must not tell whether an address has an account come no sooner than this, milliseconds:
   * longer than either way usually takes.
   */
  readonly answerFloorMs: number;
}

export interface AccountParts {
  readonly accounts: Accounts;
  readonly account: AccountSettings;
}

/** Of a verb that comes before anybody is known. */
export type OpenCtx = Omit<Ctx, 'principal'> & AccountParts;

/** Of a verb of a user who is logged in. */
export type AccountCtx = Ctx & AccountParts;
