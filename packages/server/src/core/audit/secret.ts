/** Fields that hold a secret whatever their type. */
const NAMES = new Set(['password', 'passphrase', 'secret', 'token', 'key', 'code', 'otp', 'pin']);

/** Fields whose name ends in one of these words hold one when they hold text. */
const LAST_WORDS = new Set([
  ...['password', 'passphrase', 'secret', 'token', 'cookie', 'authorization', 'credential'],
  ...['passwords', 'secrets', 'tokens', 'cookies', 'credentials'],
]);

/** The same for the last two words: `key` and `code` alone would catch too much. */
const LAST_PAIRS =
  /(?:api|private|signing|encryption|access|secret|session)_keys?$|(?:backup|recovery|reset)_codes?$/;

/** Secrets known by their form, wherever they stand in a text. Every quantifier is bounded. */
const FORMS = [
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,8000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?/g,
  /\beyJ[\w-]{10,1000}\.[\w-]{10,2000}\.[\w-]{0,1000}/g,
  /\b(?:hf|sk|rk|pk|whsec|ghp|gho|ghs|glpat|github_pat|xox[abeprs]|AKIA|AIza)[-_A-Za-z0-9]{16,500}/g,
  /\b(?:Bearer|Basic) [-\w.~+/]{8,2000}={0,2}/gi,
  /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/@:]{0,200}:[^\s/@]{1,200}@/gi,
];

/** `apiKey`, `api-key` and `API_KEY` are `api_key`. */
function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase();
}

/** Whether a field of that name holds a secret: `always`, or only when its value is `text`. */
export function secretByName(name: string): 'always' | 'text' | null {
  const words = snakeCase(name);
  if (NAMES.has(words)) return 'always';
  const last = words.slice(words.lastIndexOf('_') + 1);
  return LAST_WORDS.has(last) || LAST_PAIRS.test(words) ? 'text' : null;
}

/** Replaces what looks like a secret inside of a text. */
export function replaceSecrets(text: string, digest: (secret: string) => string): string {
  return FORMS.reduce((current, form) => current.replace(form, (secret) => digest(secret)), text);
}
