import { SIGNATURE_HEADER, TIMESTAMP_HEADER, USER_HEADER } from '@holdfast/protocol';
import type { CredentialKind } from '../../core/context.ts';
import { acceptsOf } from './entrances.ts';
import type { RouteDoc } from './route-doc.ts';

export const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'The access token of a login, or an API key.' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key.' },
  signature: {
    type: 'apiKey',
    in: 'header',
    name: SIGNATURE_HEADER,
    description: 'HMAC-SHA256 that a service makes over time, method, target, body hash and signed headers.',
  },
  signatureTime: {
    type: 'apiKey',
    in: 'header',
    name: TIMESTAMP_HEADER,
    description: 'When it was signed, seconds since 1970.',
  },
  signatureUser: {
    type: 'apiKey',
    in: 'header',
    name: USER_HEADER,
    description: 'The user that the service speaks for.',
  },
  guestCookie: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-sid',
    description: 'The guest session of a browser; named `sid` without TLS.',
  },
  guestId: { type: 'apiKey', in: 'header', name: 'X-Session-Id', description: 'The guest session.' },
  guestSecret: { type: 'apiKey', in: 'header', name: 'X-Session-Secret', description: 'Its secret.' },
} as const;

type Scheme = keyof typeof SECURITY_SCHEMES;

/** Ways to show each kind of credential; the schemes of one way are needed together. */
const WAYS: Readonly<Record<CredentialKind, readonly (readonly Scheme[])[]>> = {
  user: [['bearer']],
  api_key: [['apiKey'], ['bearer']],
  fleet_key: [['apiKey']],
  service: [['signature', 'signatureTime', 'signatureUser']],
  guest: [['guestCookie'], ['guestId', 'guestSecret']],
};

/** Any one of the answer is enough; an empty list means that nobody has to show anything. */
export function securityOf(doc: RouteDoc): Record<string, never[]>[] {
  if (doc.auth === 'none') return [];
  const ways = new Map<string, Record<string, never[]>>();
  for (const way of acceptsOf(doc).flatMap((kind) => WAYS[kind]))
    ways.set(way.join(), Object.fromEntries(way.map((scheme) => [scheme, []])));
  return [...ways.values()];
}

/** The schemes that some operation names. */
export function usedSchemes(docs: readonly RouteDoc[]): Record<string, unknown> {
  const used = new Set(docs.flatMap((doc) => securityOf(doc).flatMap((way) => Object.keys(way))));
  return Object.fromEntries(Object.entries(SECURITY_SCHEMES).filter(([name]) => used.has(name)));
}

/** Who may call it, as a sentence. */
export function describeAccess(doc: RouteDoc): string {
  if (doc.auth === 'none') return 'Needs no credential.';
  if (doc.scope === undefined) return 'Needs a credential of any scope.';
  return `Needs the scope \`${doc.scope}\`.`;
}
