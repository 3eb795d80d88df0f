import { randomUUID } from 'node:crypto';
import type { Ctx } from '../src/core/context.ts';
import type { IdentityServices, MemberRole } from '../src/core/identity/index.ts';
import type { Clock, Db } from '../src/core/ports.ts';
import { createAccounts, createTokens } from '../src/infra/auth/index.ts';
import type { Harness } from './harness.ts';
import { ManualClock } from './manual-clock.ts';

export const SECRET = 'test-secret-test-secret-test-secret-1234';
export const HOUR = 3_600_000;

/** Identity over that database; tokens live for an hour. */
export function identityFor(db: Db, clock: Clock = new ManualClock()): IdentityServices {
  return {
    db,
    clock,
    accounts: createAccounts(db, SECRET),
    tokens: createTokens({ secret: SECRET, ttlMs: HOUR, clock }),
  };
}

/** A user with the password `correct horse` in that tenant. */
export async function createMember(
  { db, accounts }: IdentityServices,
  tenantId: string,
  role: MemberRole = 'owner',
): Promise<{ userId: string; email: string; password: string }> {
  const email = `${randomUUID()}@example.com`;
  const password = 'correct horse';
  const user = await db.transaction((tx) => accounts.createUser(tx, { email, name: 'Test', password }));
  await db.kysely.insertInto('memberships').values({ tenant_id: tenantId, user_id: user.id, role }).execute();
  return { userId: user.id, email, password };
}

/** A caller with the clock of `services`. */
export function ctxOf(h: Harness, services: IdentityServices, input: Parameters<Harness['ctxFor']>[0]): Ctx {
  return { ...h.ctxFor(input), clock: services.clock };
}
