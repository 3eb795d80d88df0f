import { createGuestSessionSchema, type CreateGuestSession, type GuestSession } from '@holdfast/protocol';
import { v4 as newId } from 'uuid';
import { notFound } from '../errors.ts';
import { findGuestProject, insertGuest } from './queries.ts';
import { hashGuestSecret, makeGuestSecret } from './secret.ts';
import { IDLE_MS, LIFE_MS, type GuestServices } from './types.ts';

/**
 * A new guest of a project, always with an id and a secret of the server's own making.
 * @throws NOT_FOUND for a project that is unknown or takes no guests; VALIDATION_ERROR
 */
export async function startGuest(
  { db, clock }: Pick<GuestServices, 'db' | 'clock'>,
  input: CreateGuestSession,
): Promise<GuestSession> {
  const { project_id } = createGuestSessionSchema.parse(input);
  const project = await findGuestProject(db, project_id);
  if (project === null) throw notFound('Project');
  const [id, secret, now] = [newId(), makeGuestSecret(), clock.now()];
  const expires = new Date(now + IDLE_MS);
  await insertGuest(db, {
    tenant_id: project.tenantId,
    id,
    project_id,
    secret_hash: hashGuestSecret(secret),
    created_at: new Date(now),
    last_seen_at: new Date(now),
    expires_at: expires,
    ends_at: new Date(now + LIFE_MS),
  });
  return { guest_id: id, secret, expires_at: expires.toISOString() };
}
