import type { Principal, Services } from '../context.ts';
import { findLiveKeys, findLiveLogins } from './watch-queries.ts';

const KEY = 'key:';

/**
 * Which of those who were let in earlier would not be now: their login was revoked or left the team, their API
 * key was revoked, got another secret or may not read. Other kinds of credential end by `expiresAt` alone.
 */
export async function findEnded(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  principals: Iterable<Principal>,
): Promise<Set<Principal>> {
  const logins = new Map<Principal, string>();
  const keys = new Map<Principal, string>();
  for (const principal of principals) {
    if (principal.loginId !== undefined) logins.set(principal, principal.loginId);
    else if (principal.kind === 'api_key') keys.set(principal, principal.actor.slice(KEY.length));
  }
  const now = new Date(clock.now());
  const tenantKeys = new Map([...keys].map(([{ tenantId }, id]) => [id, { tenantId, id }]));
  const liveLogins =
    logins.size === 0 ? new Set() : await findLiveLogins(db, [...new Set(logins.values())], now);
  const liveKeys = keys.size === 0 ? new Set() : await findLiveKeys(db, [...tenantKeys.values()], now);
  const ended = new Set<Principal>();
  for (const [who, id] of logins) if (!liveLogins.has(`${id} ${who.tenantId}`)) ended.add(who);
  for (const [who, id] of keys) if (!liveKeys.has(`${id} ${who.rotation ?? 0}`)) ended.add(who);
  return ended;
}
