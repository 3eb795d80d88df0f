import type { Principal } from '../context.ts';
import { isId } from '../wire.ts';
import type { GuestCredential } from './cookie.ts';
import { findGuest, updateGuestSeen, type GuestRow } from './queries.ts';
import { isGuestSecret, matchesHash } from './secret.ts';
import { IDLE_MS, TOUCH_MS, type GuestServices } from './types.ts';

/**
 * The guest who shows this id and secret; using a session keeps it alive. A guest has no scope: what a guest
 * may do, the routes that take guests say, and it is bounded to what is theirs.
 * @returns null for a session that is unknown, of another secret, ended, or of a project that takes no guests now
 */
export async function authenticateGuest(
  { db, clock }: Pick<GuestServices, 'db' | 'clock'>,
  { id, secret }: GuestCredential,
): Promise<Principal | null> {
  if (!isId(id) || !isGuestSecret(secret)) return null;
  const guest = await findGuest(db, id.toLowerCase());
  if (guest === null || !matchesHash(secret, guest.secret_hash)) return null;
  const now = clock.now();
  if (guest.expires_at.getTime() <= now) return null;
  const expires = slide(guest, now);
  if (now - guest.last_seen_at.getTime() >= TOUCH_MS) {
    await updateGuestSeen(db, guest, { seen: new Date(now), expires });
  }
  return {
    kind: 'guest',
    tenantId: guest.tenant_id,
    actor: `guest:${guest.id}`,
    userId: null,
    projectId: guest.project_id,
    tier: guest.tier,
    scopes: new Set(),
    expiresAt: expires.getTime(),
  };
}

function slide({ ends_at }: GuestRow, now: number): Date {
  return new Date(Math.min(now + IDLE_MS, ends_at.getTime()));
}
