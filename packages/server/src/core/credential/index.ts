export { missingCredential, unacceptable } from './accept.ts';
export { identify } from './authenticate.ts';
export { findEnded } from './find-ended.ts';
export type { CredentialServices, Entrance, ShownCredential } from './types.ts';
