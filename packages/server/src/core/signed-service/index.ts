export { authenticateSigned } from './authenticate.ts';
export { purgeSignatures } from './purge.ts';
export type { SignedRequest, SignedService, SignedServiceServices } from './types.ts';
