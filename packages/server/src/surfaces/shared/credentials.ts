import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '../../core/errors.ts';

/** What the caller showed. Which kind of token it is, the authenticator decides by looking at it. */
export interface Credentials {
  token: string;
  source: 'bearer' | 'x-api-key' | 'subprotocol';
}

const BEARER = /^Bearer +([^\s]+)$/i;
const SUBPROTOCOL_PREFIX = 'bearer.';

/**
 * Reads the credential of a request: `Authorization: Bearer x` or `X-API-Key: x`; on a WebSocket
 * upgrade also `Sec-WebSocket-Protocol: holdfast, bearer.x`, as browsers cannot set headers there.
 * @throws UNAUTHORIZED when there is none, it cannot be read, or two different ones were given
 */
export function readCredentials(headers: IncomingHttpHeaders, isWebSocket: boolean): Credentials {
  const found: Credentials[] = [];
  const { authorization } = headers;
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) throw new DomainError('UNAUTHORIZED', 'Authorization must be "Bearer <token>".');
    found.push({ token, source: 'bearer' });
  }
  const apiKey = headers['x-api-key'];
  if (apiKey !== undefined) found.push({ token: String(apiKey), source: 'x-api-key' });
  if (isWebSocket) found.push(...readSubprotocol(headers['sec-websocket-protocol']));
  const first = found[0];
  if (first === undefined || first.token === '') throw new DomainError('UNAUTHORIZED');
  if (found.some((other) => other.token !== first.token)) {
    throw new DomainError('UNAUTHORIZED', 'Two different credentials were given.');
  }
  return first;
}

function readSubprotocol(header: string | undefined): Credentials[] {
  const offered = header?.split(',').map((part) => part.trim()) ?? [];
  return offered
    .filter((part) => part.startsWith(SUBPROTOCOL_PREFIX))
    .map((part) => ({ token: part.slice(SUBPROTOCOL_PREFIX.length), source: 'subprotocol' as const }));
}
