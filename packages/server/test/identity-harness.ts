import { randomUUID } from 'node:crypto';
import type { Login } from '@holdfast/protocol';
import type { Ctx } from '../src/core/context.ts';
import {
  authenticate,
  login,
  Sightings,
  SigningKeyRing,
  type IdentityServices,
  type MemberRole,
  type Origin,
} from '../src/core/identity/index.ts';
import { LIMITS_OFF } from '../src/core/limit/index.ts';
import type { Clock, Db } from '../src/core/ports.ts';
import { createAccounts, createTokens } from '../src/infra/auth/index.ts';
import { silentLogger, type Harness } from './harness.ts';
import { ManualClock } from './manual-clock.ts';

export const SECRET = 'test-secret-test-secret-test-secret-1234';
export const HOUR = 3_600_000;

/** Identity over that database; tokens live for an hour, logins for a day, and nothing is limited. */
export function identityFor(db: Db, clock: Clock = new ManualClock()): IdentityServices {
  const keys = new SigningKeyRing({ db, clock });
  return {
    db,
    clock,
    limits: LIMITS_OFF,
    accounts: createAccounts(db, SECRET),
    tokens: createTokens({ secret: SECRET, keys, ttlMs: HOUR, clock }),
    sightings: new Sightings({ db, clock, logger: silentLogger }),
    loginTtlMs: 24 * HOUR,
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

/** Logs that member in. */
export function logIn(
  services: IdentityServices,
  { email, password }: { email: string; password: string },
  more: { tenant_id?: string } & Origin = {},
): Promise<Login> {
  const { tenant_id, ...origin } = more;
  return login(services, { email, password, tenant_id }, origin);
}

/** The caller who shows that login token. */
export async function ctxOfToken(
  h: Harness,
  services: IdentityServices,
  token: string,
): Promise<Ctx & Pick<IdentityServices, 'tokens'>> {
  const principal = await authenticate(services, { kind: 'bearer', value: token });
  const ctx = ctxOf(h, services, { tenantId: principal.tenantId });
  return { ...ctx, principal, tokens: services.tokens };
}
