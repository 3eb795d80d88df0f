import { invalid } from '../errors.ts';
import type { Accounts } from '../ports.ts';

const SHORTEST_NAME = 4;

/**
 * What a new password must not be, beside too short: one of the commonest, or the address itself.
 * No rule on kinds of characters: those make passwords weaker (NIST SP 800-63B).
 * @param field the name it has in the request
 * @throws DomainError VALIDATION_ERROR
 */
export async function checkNewPassword(
  accounts: Pick<Accounts, 'isCommonPassword'>,
  { password, email, field = 'password' }: { password: string; email: string; field?: string },
): Promise<void> {
  const lower = password.toLowerCase();
  const address = email.toLowerCase();
  const name = address.slice(0, address.lastIndexOf('@'));
  if (lower === address || (name.length >= SHORTEST_NAME && lower === name)) {
    throw invalid(field, 'must not be the e-mail address');
  }
  if (await accounts.isCommonPassword(password)) {
    throw invalid(field, 'is one of the passwords that are tried first; choose another one');
  }
}
