import type { CredentialKind, Principal } from '../context.ts';
import { DomainError } from '../errors.ts';
import { FLEET_KEY_TEXTS } from '../fleet-key/index.ts';
import type { ShownCredential } from './types.ts';

type Source = ShownCredential['source'];

const NAMES: Readonly<Record<CredentialKind, string>> = {
  user: 'a login token',
  api_key: 'an API key',
  fleet_key: 'a fleet key',
  service: 'a signed request',
  guest: 'a guest session',
};

const KINDS_OF: Readonly<Record<Source, readonly CredentialKind[]>> = {
  bearer: ['user', 'api_key'],
  subprotocol: ['user', 'api_key'],
  'x-api-key': ['api_key', 'fleet_key'],
  signature: ['service'],
  'guest-headers': ['guest'],
  'guest-cookie': ['guest'],
};

/** Whether something shown in this way can be of a kind that is taken. */
export function takesSource(accepts: readonly CredentialKind[], source: Source): boolean {
  return KINDS_OF[source].some((kind) => accepts.includes(kind));
}

function list(kinds: readonly CredentialKind[]): string {
  const names = kinds.map((kind) => NAMES[kind]);
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)!}`;
}

/** The refusal of a credential of another kind. @param kind what it turned out to be, once that is known */
export function unacceptable(
  accepts: readonly CredentialKind[],
  source: Source,
  kind?: Principal['kind'],
): DomainError {
  if (isOfFleet(accepts) && !accepts.includes('user')) return missingCredential(accepts);
  const shown = kind === undefined || kind === 'server' ? KINDS_OF[source] : [kind];
  return new DomainError('UNAUTHORIZED', `This path takes ${list(accepts)}, not ${list(shown)}.`);
}

/** The refusal when nothing was shown. */
export function missingCredential(accepts: readonly CredentialKind[]): DomainError {
  if (isOfFleet(accepts)) return new DomainError('UNAUTHORIZED', FLEET_KEY_TEXTS.missing);
  return new DomainError('UNAUTHORIZED', `Authentication is required: this path takes ${list(accepts)}.`);
}

/** Whether the fleet contract has the words there: its keys are what is named first. */
export function isOfFleet(accepts: readonly CredentialKind[]): boolean {
  return accepts[0] === 'fleet_key';
}
