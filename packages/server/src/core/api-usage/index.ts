export { UsageCounter, type Use } from './counter.ts';
export { purgeApiUsage } from './purge.ts';
export { readApiUsage } from './read.ts';
