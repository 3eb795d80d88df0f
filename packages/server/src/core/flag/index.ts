export { DEFAULT_FLAGS, FlagCache, type Flags, type FlagStates } from './cache.ts';
export { listFlags } from './list.ts';
export { setFlag } from './set.ts';
