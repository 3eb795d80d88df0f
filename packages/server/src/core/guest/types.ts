import type { Services } from '../context.ts';
import type { GuestCookies } from './cookie.ts';

export interface GuestServices extends Pick<Services, 'db' | 'clock'> {
  readonly cookies: GuestCookies;
}

const HOUR_MS = 3_600_000;

/** How long a guest may be away. */
export const IDLE_MS = 24 * HOUR_MS;
/** How long a guest session lasts in all. */
export const LIFE_MS = 30 * 24 * HOUR_MS;
/** A use within this time of the last recorded one is not recorded. */
export const TOUCH_MS = 60_000;
