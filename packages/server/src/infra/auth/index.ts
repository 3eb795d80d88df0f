export { createAccounts } from './accounts.ts';
export { createAuthenticators, type AuthenticatorOptions } from './authenticators.ts';
export { createTokens, type TokenOptions } from './tokens.ts';
export { loadSigningSecret } from './signing-secret.ts';
