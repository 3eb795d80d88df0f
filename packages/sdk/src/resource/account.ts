import {
  acceptedSchema,
  backupCodesSchema,
  loginReplySchema,
  passwordChangedSchema,
  registrationSchema,
  twoFactorSetupSchema,
  twoFactorStatusSchema,
  verifiedEmailSchema,
  type Accepted,
  type Address,
  type BackupCodes,
  type ChangePassword,
  type ConfirmPasswordReset,
  type DisableTwoFactor,
  type Login,
  type PasswordChanged,
  type registerSchema,
  type Registration,
  type TwoFactorCode,
  type TwoFactorSetup,
  type TwoFactorStatus,
  type VerifiedEmail,
  type VerifyEmail,
  type VerifyTwoFactor,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import { dataOf } from '../http/reply.ts';

const accepted = dataOf(acceptedSchema);
const registration = dataOf(registrationSchema);
const verified = dataOf(verifiedEmailSchema);
const changed = dataOf(passwordChangedSchema);
const login = dataOf(loginReplySchema);
const status = dataOf(twoFactorStatusSchema);
const setup = dataOf(twoFactorSetupSchema);
const codes = dataOf(backupCodesSchema);

/** `client.account`: registration, mailed links and the password. */
export class AccountApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** Who may make an account. Needs no credential. */
  registration(options?: CallOptions): Promise<Registration> {
    const path = pathOf`/auth/registration`;
    return this.#http.call({ ...options, method: 'GET', path, schema: registration });
  }

  /** The answer is the same for an address that has an account. @throws HoldfastError FORBIDDEN unless open */
  register(input: InputOf<typeof registerSchema>, options?: CallOptions): Promise<Accepted> {
    const path = pathOf`/auth/register`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: accepted });
  }

  /** @throws HoldfastError LINK_EXPIRED */
  verifyEmail(input: VerifyEmail, options?: CallOptions): Promise<VerifiedEmail> {
    const path = pathOf`/auth/verify-email`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: verified });
  }

  resendVerification(input: Address, options?: CallOptions): Promise<Accepted> {
    const path = pathOf`/auth/verify-email/resend`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: accepted });
  }

  requestPasswordReset(input: Address, options?: CallOptions): Promise<Accepted> {
    const path = pathOf`/auth/password-reset`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: accepted });
  }

  /** Ends every login of the user. @throws HoldfastError LINK_EXPIRED */
  confirmPasswordReset(input: ConfirmPasswordReset, options?: CallOptions): Promise<PasswordChanged> {
    const path = pathOf`/auth/password-reset/confirm`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: changed });
  }

  /** Needs the token of a user; their other logins end. */
  changePassword(input: ChangePassword, options?: CallOptions): Promise<PasswordChanged> {
    const path = pathOf`/auth/password`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: changed });
  }
}

/**
 * `client.twoFactor`; all but `verify` need the token of a user.
 * What uses a code up is sent once: a second time it would be refused, whatever became of the first.
 */
export class TwoFactorApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /**
   * The second step of a login that was refused with TWO_FACTOR_REQUIRED: `details.challenge_token` of that error
   * and a code. @throws HoldfastError UNAUTHORIZED
   */
  verify(input: VerifyTwoFactor, options?: CallOptions): Promise<Login> {
    const path = pathOf`/auth/2fa/verify`;
    return this.#http.call({ attempts: 1, ...options, method: 'POST', path, json: input, schema: login });
  }

  get(options?: CallOptions): Promise<TwoFactorStatus> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/auth/2fa`, schema: status });
  }

  /** A secret for an authenticator app; of no effect until `enable`. */
  setUp(options?: CallOptions): Promise<TwoFactorSetup> {
    return this.#http.call({ ...options, method: 'POST', path: pathOf`/auth/2fa/setup`, schema: setup });
  }

  /** The backup codes are told once. */
  enable(input: TwoFactorCode, options?: CallOptions): Promise<BackupCodes> {
    const path = pathOf`/auth/2fa/enable`;
    return this.#http.call({ attempts: 1, ...options, method: 'POST', path, json: input, schema: codes });
  }

  disable(input: DisableTwoFactor, options?: CallOptions): Promise<TwoFactorStatus> {
    const path = pathOf`/auth/2fa/disable`;
    return this.#http.call({ attempts: 1, ...options, method: 'POST', path, json: input, schema: status });
  }

  /** Ten new ones, told once; the earlier ones are worth nothing any more. */
  regenerateBackupCodes(input: TwoFactorCode, options?: CallOptions): Promise<BackupCodes> {
    const path = pathOf`/auth/2fa/backup-codes`;
    return this.#http.call({ attempts: 1, ...options, method: 'POST', path, json: input, schema: codes });
  }
}
