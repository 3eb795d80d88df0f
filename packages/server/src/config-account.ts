import { choice, flag, type Doc } from './config-field.ts';

const identity = (description: string): Doc => ({ group: 'Identity', description });

/** Who may make an account. */
export const ACCOUNT_VARIABLES = {
  REGISTRATION: choice(
    ['open', 'invite', 'closed'],
    'invite',
    identity('Who may make an account: anybody, who was invited to a team, or nobody.'),
  ),
  REQUIRE_VERIFIED_EMAIL: flag(false, identity('Refuses logins until the e-mail address is proven.')),
} as const;

interface AccountVariables {
  REGISTRATION: 'open' | 'invite' | 'closed';
  REQUIRE_VERIFIED_EMAIL: boolean;
}

export function toAccountConfig(v: AccountVariables) {
  return { registration: v.REGISTRATION, requireVerifiedEmail: v.REQUIRE_VERIFIED_EMAIL };
}
