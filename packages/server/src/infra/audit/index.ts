export { createNotary, type NotaryOptions } from './notary.ts';
export { loadSigningKey, readPrivateKey, readPublicKey } from './signing-key.ts';
