export { authenticate } from './authenticate.ts';
export { login } from './login.ts';
export { bootstrap, type BootstrapInput, type FirstCredentials } from './bootstrap.ts';
export { createApiKey } from './create-api-key.ts';
export { listApiKeys } from './list-api-keys.ts';
export { revokeApiKey } from './revoke-api-key.ts';
export { scopesOfRole, type MemberRole } from './role.ts';
export type { Credential, IdentityServices } from './types.ts';
