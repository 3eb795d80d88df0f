import { SIGNATURE_HEADER } from '@holdfast/protocol';
import type { FastifyRequest } from 'fastify';
import type { ShownCredential } from '../../core/credential/index.ts';
import { DomainError } from '../../core/errors.ts';
import { readGuestCookie } from './guest-cookie.ts';
import type { RouteDoc } from './route-doc.ts';
import { readSignedRequest } from './signed-request.ts';
import './surface.ts';

const BEARER = /^Bearer +([^\s]+)$/i;
const SUBPROTOCOL_PREFIX = 'bearer.';

/**
 * Headers that are part of a credential: a second one may be what nobody has checked. Several X-API-Key
 * headers become one value with a comma, which is no key.
 */
const SINGLE: ReadonlySet<string> = new Set([
  'authorization',
  'x-user-id',
  'x-sheen-signature',
  'x-sheen-timestamp',
  'x-sheen-signed-headers',
  'x-session-id',
  'x-session-secret',
]);

/**
 * The credential a request shows on purpose: `Authorization: Bearer x`, `X-API-Key: x`, a signature, or
 * `X-Session-Id` with `X-Session-Secret`; on a WebSocket upgrade also `Sec-WebSocket-Protocol: holdfast, bearer.x`,
 * as browsers cannot set headers there. Without any of them the guest cookie, which browsers add by themselves.
 * @returns null when there is none
 * @throws UNAUTHORIZED when it cannot be read, or when there are two
 */
export function readCredential(request: FastifyRequest, doc: RouteDoc): ShownCredential | null {
  const shown = readHeaders(request, doc);
  const first = shown[0];
  if (first === undefined) {
    const token = readGuestCookie(request);
    return token === undefined ? null : { source: 'guest-cookie', token };
  }
  if (shown.some((other) => !isSame(first, other))) {
    throw new DomainError('UNAUTHORIZED', 'Two different credentials were given.');
  }
  return first;
}

function readHeaders(request: FastifyRequest, doc: RouteDoc): ShownCredential[] {
  const { headers } = request;
  const repeated = findRepeated(request.raw.rawHeaders);
  if (repeated !== null) throw new DomainError('UNAUTHORIZED', `${repeated} was sent more than once.`);
  const shown: ShownCredential[] = [];
  const { 'x-api-key': key, [SIGNATURE_HEADER]: signature, 'x-session-secret': secret } = headers;
  if (key !== undefined) shown.push({ source: 'x-api-key', token: String(key) });
  if (headers.authorization !== undefined) {
    const token = BEARER.exec(headers.authorization)?.[1];
    if (token === undefined) throw new DomainError('UNAUTHORIZED', 'Authorization must be "Bearer <token>".');
    shown.push({ source: 'bearer', token });
  }
  if (request.ws) shown.push(...readSubprotocol(headers['sec-websocket-protocol']));
  if (signature !== undefined) {
    const token = String(signature);
    shown.push({ source: 'signature', token, signed: readSignedRequest(request, token, doc) });
  }
  if (secret !== undefined) {
    shown.push({
      source: 'guest-headers',
      token: String(secret),
      guestId: String(headers['x-session-id'] ?? ''),
    });
  }
  return shown;
}

function isSame(one: ShownCredential, other: ShownCredential): boolean {
  const keys: readonly ShownCredential['source'][] = ['bearer', 'x-api-key', 'subprotocol'];
  return one.token === other.token && keys.includes(one.source) === keys.includes(other.source);
}

function findRepeated(rawHeaders: readonly string[]): string | null {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!SINGLE.has(name)) continue;
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return null;
}

function readSubprotocol(header: string | undefined): ShownCredential[] {
  const offered = header?.split(',').map((part) => part.trim()) ?? [];
  return offered
    .filter((part) => part.startsWith(SUBPROTOCOL_PREFIX))
    .map((part) => ({ source: 'subprotocol' as const, token: part.slice(SUBPROTOCOL_PREFIX.length) }));
}
