import { v7 as newId } from 'uuid';
import { recordAudit } from '../audit/index.ts';
import type { Principal } from '../context.ts';
import { DomainError } from '../errors.ts';
import { FLEET_TENANT } from '../fleet-key/index.ts';
import {
  findExternalUser,
  findTenant,
  insertExternalUser,
  insertSignature,
  type ExternalUser,
} from './queries.ts';
import { checkClaims, isSignedBy, refuse } from './signature.ts';
import type { Origin, SignedRequest, SignedService, SignedServiceServices } from './types.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The user that a service speaks for, made at first sight. A signature is taken once, if the request changes
 * something that doing twice would do twice.
 * @throws UNAUTHORIZED for a signature that is wrong, stale or was seen before
 */
export async function authenticateSigned(
  services: SignedServiceServices,
  request: SignedRequest,
  origin: Origin = {},
): Promise<Principal> {
  const { db, clock, signedService: service } = services;
  if (service === null) refuse('No service may sign requests here: CHAT_HMAC_SECRET is not set.');
  const { externalId, signedAt } = checkClaims(service, request, clock.now());
  const body = await request.readBody();
  if (!isSignedBy(service, request, body)) refuse('The signature is not valid.');
  const tenantId = await tenantOf(services, service);
  if (!SAFE_METHODS.has(request.method) && !request.repeatable(body)) {
    const signature = request.signature.toLowerCase();
    // Twice the skew: another server's clock may be behind this one's.
    const expiresAt = new Date(signedAt + 2 * service.skewMs);
    if (!(await insertSignature(db, tenantId, signature, expiresAt))) {
      refuse('This signed request was received before: sign it again, with a new timestamp.');
    }
  }
  const user = { tenantId, service: service.name, externalId };
  const { userId, tier } =
    (await findExternalUser(db, user)) ?? (await createExternalUser(services, user, origin));
  return {
    kind: 'service',
    tenantId,
    actor: `user:${userId}`,
    userId,
    service: service.name,
    tier,
    scopes: new Set(service.scopes),
    expiresAt: null,
  };
}

const tenants = new WeakMap<SignedService, string>();

async function tenantOf({ db }: SignedServiceServices, service: SignedService): Promise<string> {
  const known = tenants.get(service);
  if (known !== undefined) return known;
  const tenantId = await findTenant(db, service.tenantId, FLEET_TENANT);
  if (tenantId === null)
    throw new DomainError('SERVICE_UNAVAILABLE', 'The tenant of the service is not there.');
  tenants.set(service, tenantId);
  return tenantId;
}

async function createExternalUser({ db }: SignedServiceServices, user: ExternalUser, origin: Origin) {
  return db.transaction(async (tx) => {
    const userId = newId();
    if (await insertExternalUser(tx, user, userId)) {
      const { tenantId, service } = user;
      const who = { tenantId, actor: `service:${service}`, onBehalfOf: userId, client: origin.client };
      const targets = [{ type: 'user', id: userId, name: user.externalId }];
      await recordAudit(
        tx,
        { ...who, requestId: origin.requestId },
        { action: 'external_user.created', targets },
      );
    }
    return (await findExternalUser(tx, user))!;
  });
}
