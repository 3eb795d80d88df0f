export { abandonLeases, ANY_SERVER } from './abandon.ts';
export { appendEvents } from './append-events.ts';
export { databaseStartedAt, detectStalled } from './detect.ts';
export { heartbeat, nextHeartbeatMs } from './heartbeat.ts';
export {
  beatLeases,
  fenceLease,
  freeLease,
  leaseLost,
  lockLease,
  revokeLease,
  takeLease,
  type LeaseRow,
} from './queries.ts';
export { releaseLease } from './release.ts';
