import type { Queryable } from '../ports.ts';

export interface Account {
  id: string;
  email: string;
  name: string;
}

/** Who proved the mailbox (an invitation, the first start) is verified from the start; the default. */
export interface NewUser {
  email: string;
  name: string;
  verified?: boolean;
}

/** Users and their passwords. A hash or check takes some 80 ms of a pool thread, by design. */
export interface Accounts {
  /**
   * @param user with `passwordHash`, made outside, the transaction is short
   * @throws DomainError RESOURCE_CONFLICT when the e-mail is taken.
   */
  createUser(
    tx: Queryable,
    user: NewUser & ({ password: string } | { passwordHash: string }),
  ): Promise<Account>;
  hashPassword(password: string): Promise<string>;
  /** Also of a user who had none. */
  setPassword(tx: Queryable, userId: string, passwordHash: string): Promise<void>;
  /** Whether it is on a list of the passwords that are tried first, whatever its case. */
  isCommonPassword(password: string): Promise<boolean>;
  /** Null for an unknown e-mail as for a wrong password, after comparable time. */
  verifyPassword(email: string, password: string): Promise<Account | null>;
  /** Of a user who is known by other means. */
  verifyPasswordOf(userId: string, password: string): Promise<boolean>;
}

export interface TokenClaims {
  userId: string;
  tenantId: string;
  /** `user_sessions.id`; a token of a login that ended is worth nothing. */
  loginId: string;
  /** Milliseconds since 1970, a whole second. */
  expiresAt: number;
}

/** What a token is made of. */
export interface NewToken extends Omit<TokenClaims, 'expiresAt'> {
  /** The token ends at its usual age or then, whichever is earlier; milliseconds since 1970. */
  notAfter: number;
}

/** Signed login tokens. Whether their login still stands, the caller has to look up. */
export interface Tokens {
  /** Life of a token, milliseconds. */
  readonly ttlMs: number;
  issue(token: NewToken): Promise<{ token: string; expiresAt: number }>;
  /** Null for whatever is not an unexpired token of this installation; throws only if the keys cannot be read. */
  verify(token: string): Promise<TokenClaims | null>;
}

/** Which keys sign and verify; their secret halves are derived elsewhere. */
export interface SigningKeys {
  /** Id of the key that signs now; makes the first one. */
  active(): Promise<string>;
  /** Whether tokens of this key are taken; `kid` is a UUID in lower case. */
  verifies(kid: string): Promise<boolean>;
}
