export { EventLog } from './event-log.ts';
export { Frame, EphemeralFrame } from './frame.ts';
export type { Appended, Follower, HolderEvent, LogHead, LogTarget, ServerEvent, Sink } from './types.ts';
