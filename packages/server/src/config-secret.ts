import { text, type Doc } from './config-field.ts';
import { KeyError, parseKeys } from './infra/secret/index.ts';

const secret = (description: string): Doc => ({ group: 'Tenant secrets', description });

/** The keys that tenants' secrets are encrypted under. */
export const SECRET_VARIABLES = {
  SECRETS_KEYS: text(
    1,
    4096,
    secret(
      'Keys that protect tenant secrets: id:key,id:key, the current one first; make one with openssl rand -base64 32.',
    ),
  ),
  SECRETS_KEY_FILE: text(
    1,
    4096,
    secret('A file with the same list, one key a line. Production needs one of the two.'),
  ),
} as const;

interface SecretVariables {
  SECRETS_KEYS?: string;
  SECRETS_KEY_FILE?: string;
}

export function toSecretConfig({ SECRETS_KEYS, SECRETS_KEY_FILE }: SecretVariables) {
  return { keys: SECRETS_KEYS, keyFile: SECRETS_KEY_FILE };
}

/** Refuses weak keys, and none at all in production. What is wrong with a file is found when it is read. */
export function checkSecretVariables(
  { SECRETS_KEYS, SECRETS_KEY_FILE }: SecretVariables,
  production: boolean,
  refuse: (variable: string, rule: string) => void,
): void {
  if (SECRETS_KEYS !== undefined && SECRETS_KEY_FILE !== undefined) {
    refuse('SECRETS_KEY_FILE', 'and SECRETS_KEYS are both set: set one of them.');
  }
  if (SECRETS_KEYS === undefined) {
    if (production && SECRETS_KEY_FILE === undefined) {
      refuse('SECRETS_KEYS', 'or SECRETS_KEY_FILE is required when NODE_ENV is production.');
    }
    return;
  }
  try {
    parseKeys(SECRETS_KEYS);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    refuse('SECRETS_KEYS', `cannot be used: ${error.message}.`);
  }
}
