import type { Services } from '../context.ts';
import { deleteOldUsage } from './queries.ts';

const KEPT_DAYS = 400;

/** Forgets counts older than 400 days, so that a year can be compared with the one before. @returns how many rows */
export function purgeApiUsage(services: Pick<Services, 'db'>): Promise<number> {
  return deleteOldUsage(services.db, KEPT_DAYS);
}
