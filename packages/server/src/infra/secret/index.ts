export { createKeyRing } from './key-ring.ts';
export { loadKeyRing, type KeySource } from './load.ts';
export { findWeakness, KeyError, parseKeys, type NamedKey } from './parse-keys.ts';
