export { authenticateGuest } from './authenticate.ts';
export { GuestCookies, type GuestCredential } from './cookie.ts';
export { endGuest } from './end.ts';
export { findEndedGuests } from './find-ended.ts';
export { purgeGuests } from './purge.ts';
export { startGuest } from './start.ts';
export { IDLE_MS, LIFE_MS, type GuestServices } from './types.ts';
