export { createAccounts } from './accounts.ts';
export { createTokens, type TokenOptions } from './tokens.ts';
export { loadSigningSecret } from './signing-secret.ts';
