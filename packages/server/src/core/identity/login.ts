import { loginSchema, type Login, type LoginInput } from '@holdfast/protocol';
import { DomainError } from '../errors.ts';
import { findHome } from './queries.ts';
import type { IdentityServices } from './types.ts';

/**
 * Exchanges e-mail and password for a token of the tenant that the user joined first.
 * @throws DomainError UNAUTHORIZED, the same for an unknown e-mail and a wrong password; VALIDATION_ERROR.
 */
export async function login(services: IdentityServices, input: LoginInput): Promise<Login> {
  const { email, password } = loginSchema.parse(input);
  const user = await services.accounts.verifyPassword(email, password);
  const tenant = user === null ? null : await findHome(services.db, user.id);
  if (user === null || tenant === null) {
    throw new DomainError('UNAUTHORIZED', 'The e-mail or the password is wrong.');
  }
  const { token, expiresAt } = await services.tokens.issue({ userId: user.id, tenantId: tenant.id });
  return {
    accessToken: token,
    expiresAt: new Date(expiresAt).toISOString(),
    user: { id: user.id, email: user.email, name: user.name },
    tenantId: tenant.id,
    tenantName: tenant.name,
  };
}
