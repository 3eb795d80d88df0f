import type { Principal, Services } from '../context.ts';
import { DomainError } from '../errors.ts';
import { FLEET_TENANT, insertFleetTenant } from './queries.ts';
import type { FleetKeys } from './keys.ts';

/** The three texts of the fleet contract. */
export const FLEET_KEY_TEXTS = {
  missing: 'API key required',
  malformed: 'Malformed API key',
  unknown: 'Invalid API key',
} as const;

const MAX_LENGTH = 128;
const BLANK_OR_CONTROL = /[\s\p{Cc}]/u;

/** Whether it cannot be a key at all; anything else that is not known is merely not valid. */
export function isMalformedKey(key: string): boolean {
  return key === '' || key.length > MAX_LENGTH || BLANK_OR_CONTROL.test(key);
}

/** @throws UNAUTHORIZED "Malformed API key" */
export function refuseMalformedKey(key: string): void {
  if (isMalformedKey(key)) throw new DomainError('UNAUTHORIZED', FLEET_KEY_TEXTS.malformed);
}

/** Null for a key that is not in the list. All of them belong to the one fleet tenant, made at first use. */
export async function findFleetPrincipal(
  { db, fleetKeys }: Pick<Services, 'db'> & { fleetKeys: FleetKeys },
  key: string,
): Promise<Principal | null> {
  const found = fleetKeys.find(key);
  if (found === null) return null;
  if (!fleetKeys.tenantExists) {
    await insertFleetTenant(db);
    fleetKeys.tenantExists = true;
  }
  return {
    kind: 'fleet_key',
    tenantId: FLEET_TENANT,
    actor: `key:${found.id}`,
    userId: null,
    scopes: new Set(['read', 'write', 'hold', ...(found.admin ? (['admin'] as const) : [])]),
    expiresAt: null,
  };
}
