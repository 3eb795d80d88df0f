import type { Principal } from '../context.ts';
import { DomainError } from '../errors.ts';
import { FLEET_KEY_TEXTS, findFleetPrincipal, refuseMalformedKey } from '../fleet-key/index.ts';
import { authenticateGuest } from '../guest/index.ts';
import { findPrincipal, startsLikeSecret } from '../identity/index.ts';
import { authenticateSigned } from '../signed-service/index.ts';
import { isOfFleet, takesSource, unacceptable } from './accept.ts';
import type { CredentialServices, Entrance, ShownCredential } from './types.ts';

/**
 * Who shows this credential at this entrance. Kinds that are not taken there are refused, valid or not.
 * @throws DomainError UNAUTHORIZED
 */
export async function identify(
  services: CredentialServices,
  shown: ShownCredential,
  entrance: Entrance,
): Promise<Principal> {
  if (!takesSource(entrance.accepts, shown.source)) throw unacceptable(entrance.accepts, shown.source);
  const principal = await check(services, shown, entrance);
  if (principal === null) throw notValid(shown, entrance);
  if (principal.kind === 'server' || !entrance.accepts.includes(principal.kind)) {
    throw unacceptable(entrance.accepts, shown.source, principal.kind);
  }
  return principal;
}

/** One text for whatever is wrong with it; on the fleet's surface, that of its contract for keys. */
function notValid({ source, token }: ShownCredential, { accepts }: Entrance): DomainError {
  const isKey = source === 'x-api-key' || startsLikeSecret(token);
  const text = isKey && isOfFleet(accepts) ? FLEET_KEY_TEXTS.unknown : 'The credential is not valid.';
  return new DomainError('UNAUTHORIZED', text);
}

function check(
  services: CredentialServices,
  shown: ShownCredential,
  entrance: Entrance,
): Promise<Principal | null> {
  const { guests } = services;
  switch (shown.source) {
    case 'signature':
      return authenticateSigned(services.signedServices, shown.signed!, entrance);
    case 'guest-headers':
      return authenticateGuest(guests, { id: shown.guestId ?? '', secret: shown.token });
    case 'guest-cookie': {
      const opened = guests.cookies.open(shown.token);
      return opened === null ? Promise.resolve(null) : authenticateGuest(guests, opened);
    }
    case 'x-api-key':
      return checkKey(services, shown.token, entrance);
    case 'bearer':
    case 'subprotocol':
      return checkBearer(services, shown, entrance);
  }
}

/** A key of the environment where those are taken, or one of the database. */
async function checkKey(
  { identity, fleetKeys }: CredentialServices,
  key: string,
  { accepts }: Entrance,
): Promise<Principal | null> {
  if (isOfFleet(accepts)) refuseMalformedKey(key);
  if (accepts.includes('fleet_key')) {
    const principal = await findFleetPrincipal({ db: identity.db, fleetKeys }, key);
    if (principal !== null) return principal;
  }
  return accepts.includes('api_key') ? findPrincipal(identity, { kind: 'api_key', value: key }) : null;
}

/** A login token or an API key. What is not taken here is not looked up either. */
async function checkBearer(
  { identity }: CredentialServices,
  { source, token }: ShownCredential,
  { accepts }: Entrance,
): Promise<Principal | null> {
  const kind = startsLikeSecret(token) ? 'api_key' : 'user';
  if (!accepts.includes(kind)) throw unacceptable(accepts, source, kind);
  return findPrincipal(identity, { kind: 'bearer', value: token });
}
