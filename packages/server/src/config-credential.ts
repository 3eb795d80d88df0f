import { z } from 'zod';
import { flag, integer, text, type Doc } from './config-field.ts';
import { weaknessOf } from './secret-strength.ts';

const credentials = (description: string): Doc => ({ group: 'Fleet keys and signed services', description });

const keyList = (description: string) =>
  z
    .string()
    .transform((value) => value.split(',').map((key) => key.trim()))
    .pipe(z.array(z.uuidv4()).min(1).max(1000))
    .optional()
    .meta({ ...credentials(description), rule: 'a comma-separated list of UUIDs of version 4' });

/** Keys of fleets and the services that sign their requests. */
export const CREDENTIAL_VARIABLES = {
  API_KEYS: keyList(
    'Keys of the fleet surface, each from uuidgen. Without any, only API keys of the database.',
  ),
  ADMIN_API_KEYS: keyList('Keys that may also administrate the fleet; without any, each of API_KEYS may.'),
  CHAT_HMAC_SECRET: text(
    32,
    1024,
    credentials(
      'Signs the requests of the chat service, from openssl rand -base64 32. Without it there is none.',
    ),
  ),
  CHAT_HMAC_SECRET_PREVIOUS: text(
    32,
    1024,
    credentials('Also accepted while CHAT_HMAC_SECRET is replaced; see docs/guides/credentials.md.'),
  ),
  CHAT_TENANT_ID: z
    .uuid()
    .optional()
    .meta({ ...credentials('Tenant of the chat service; default the first tenant.'), rule: 'a UUID' }),
  HMAC_SKEW_SECONDS: integer(
    1,
    3600,
    300,
    credentials('How far the timestamp of a signed request may be from the clock of the server.'),
  ),
  HMAC_REQUIRE_SIGNED_USER: flag(
    false,
    credentials('Refuses signed requests whose signature does not cover x-user-id.'),
  ),
} as const;

interface CredentialVariables {
  API_KEYS?: string[];
  ADMIN_API_KEYS?: string[];
  CHAT_HMAC_SECRET?: string;
  CHAT_HMAC_SECRET_PREVIOUS?: string;
  CHAT_TENANT_ID?: string;
  HMAC_SKEW_SECONDS: number;
  HMAC_REQUIRE_SIGNED_USER: boolean;
}

export function toCredentialConfig(v: CredentialVariables) {
  const { CHAT_HMAC_SECRET: secret, CHAT_HMAC_SECRET_PREVIOUS: previous } = v;
  const chat =
    secret === undefined
      ? null
      : {
          secrets: previous === undefined ? [secret] : [secret, previous],
          tenantId: v.CHAT_TENANT_ID ?? null,
          skewMs: v.HMAC_SKEW_SECONDS * 1000,
          requiresSignedUser: v.HMAC_REQUIRE_SIGNED_USER,
        };
  return { fleet: { keys: v.API_KEYS ?? [], adminKeys: v.ADMIN_API_KEYS ?? [] }, chat };
}

/** Refuses secrets that can be guessed, in production, and those that are of no use. */
export function checkCredentialVariables(
  values: Partial<CredentialVariables>,
  production: boolean,
  refuse: (variable: string, rule: string) => void,
): void {
  for (const name of ['CHAT_HMAC_SECRET', 'CHAT_HMAC_SECRET_PREVIOUS'] as const) {
    const value = values[name];
    const weakness = production && value !== undefined ? weaknessOf(value) : null;
    if (weakness !== null) {
      refuse(name, `is too weak for production: it ${weakness}. Make one with: openssl rand -base64 32`);
    }
  }
  const { CHAT_HMAC_SECRET, CHAT_HMAC_SECRET_PREVIOUS } = values;
  if (CHAT_HMAC_SECRET_PREVIOUS === undefined) return;
  if (CHAT_HMAC_SECRET === undefined) {
    refuse('CHAT_HMAC_SECRET_PREVIOUS', 'is of use beside CHAT_HMAC_SECRET only.');
  } else if (CHAT_HMAC_SECRET === CHAT_HMAC_SECRET_PREVIOUS) {
    refuse('CHAT_HMAC_SECRET_PREVIOUS', 'must differ from CHAT_HMAC_SECRET.');
  }
}
