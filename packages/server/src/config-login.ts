import { integer, text, type Doc } from './config-field.ts';
import { weaknessOf } from './secret-strength.ts';

const identity = (description: string): Doc => ({ group: 'Identity', description });

/** Logins and the secret that their tokens are signed with. */
export const LOGIN_VARIABLES = {
  JWT_SECRET: text(
    32,
    1024,
    identity(
      'Signs login tokens. Required in production, from openssl rand -base64 32; servers of one database share it.',
    ),
  ),
  JWT_SECRET_PREVIOUS: text(
    32,
    1024,
    identity('Also accepted while JWT_SECRET is replaced; see docs/guides/logins.md.'),
  ),
  TOKEN_TTL_HOURS: integer(1, 8760, 24, identity('Life of a login token.')),
  LOGIN_TTL_DAYS: integer(1, 365, 30, identity('How long a login can be refreshed without the password.')),
} as const;

interface LoginVariables {
  JWT_SECRET?: string;
  JWT_SECRET_PREVIOUS?: string;
  TOKEN_TTL_HOURS: number;
  LOGIN_TTL_DAYS: number;
}

const HOUR_MS = 3_600_000;

export function toLoginConfig(v: LoginVariables) {
  return {
    jwtSecret: v.JWT_SECRET,
    previousJwtSecret: v.JWT_SECRET_PREVIOUS,
    tokenTtlMs: v.TOKEN_TTL_HOURS * HOUR_MS,
    loginTtlMs: v.LOGIN_TTL_DAYS * 24 * HOUR_MS,
  };
}

/** Refuses secrets that can be guessed, in production. That one is set at all is checked elsewhere. */
export function checkLoginVariables(
  values: Partial<LoginVariables>,
  production: boolean,
  refuse: (variable: string, rule: string) => void,
): void {
  for (const name of ['JWT_SECRET', 'JWT_SECRET_PREVIOUS'] as const) {
    const value = values[name];
    const weakness = production && value !== undefined ? weaknessOf(value) : null;
    if (weakness !== null) {
      refuse(name, `is too weak for production: it ${weakness}. Make one with: openssl rand -base64 32`);
    }
  }
  const { JWT_SECRET, JWT_SECRET_PREVIOUS } = values;
  if (JWT_SECRET_PREVIOUS === undefined) return;
  if (JWT_SECRET === undefined) refuse('JWT_SECRET_PREVIOUS', 'is of use beside JWT_SECRET only.');
  else if (JWT_SECRET === JWT_SECRET_PREVIOUS) refuse('JWT_SECRET_PREVIOUS', 'must differ from JWT_SECRET.');
}
