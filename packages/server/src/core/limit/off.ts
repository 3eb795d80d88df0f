import type { Limits } from '../ports.ts';
import { unlimitedState } from './rules.ts';

const NOTHING = async (): Promise<void> => {};

/** Counts nothing and limits nothing: what `RATE_LIMITS=off` asks for, for benchmarks. */
export const LIMITS_OFF: Limits = {
  use: async ({ policy }) => unlimitedState(policy),
  decide: async () => ({ outcome: 'allowed', state: null, retryAfterMs: 0 }),
  peek: async () => null,
  untouched: () => null,
  policies: () => [],
  reset: NOTHING,
  changed() {},
  purge: async () => 0,
  close: NOTHING,
};
