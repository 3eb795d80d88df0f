import type { OpenCtx } from './types.ts';

type Caller = Pick<OpenCtx, 'limits' | 'client' | 'requestId'>;

/**
 * Counts against the caller and against the address, whether or not it has an account: neither one caller
 * can try many addresses, nor many callers flood one mailbox.
 * @throws DomainError RATE_LIMIT
 */
export async function limitByAddress(
  caller: Caller,
  policy: 'register' | 'password_reset' | 'verify_email',
  email: string,
): Promise<void> {
  await limitByCaller(caller, policy);
  const { limits, client, requestId } = caller;
  await limits.use({ policy, subject: `email:${email.toLowerCase()}`, client, requestId });
}

/** Counts against the caller alone. @throws DomainError RATE_LIMIT */
export async function limitByCaller(
  { limits, client, requestId }: Caller,
  policy: 'register' | 'password_reset' | 'verify_email',
): Promise<void> {
  await limits.use({ policy, subject: ipOf(client), client, requestId });
}

/** A user's password is tried here as at a login, and counts as one. @throws DomainError RATE_LIMIT */
export async function limitPasswords(caller: Caller, email: string): Promise<void> {
  const { limits, client, requestId } = caller;
  const subject = `email:${email.toLowerCase()}`;
  await limits.use({ policy: 'login', subject: `${ipOf(client)} ${subject}`, client, requestId });
  await limits.use({ policy: 'login_account', subject, client, requestId });
}

function ipOf(client: Caller['client']): string {
  return `ip:${client?.ip ?? 'unknown'}`;
}
