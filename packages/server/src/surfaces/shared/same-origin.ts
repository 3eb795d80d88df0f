import type { FastifyRequest } from 'fastify';
import { DomainError } from '../../core/errors.ts';
import './surface.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

function originOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).origin : null;
}

function refuse(reason: string): never {
  throw new DomainError('FORBIDDEN', `A cookie is only taken from pages of this server: ${reason}.`, {
    suggestion: 'Send X-Session-Id and X-Session-Secret instead of the cookie.',
  });
}

/**
 * A browser adds a cookie to whatever any page asks for. So a request that changes something, or opens a
 * WebSocket, must come from a page of this server: by Origin, and by Sec-Fetch-Site where the browser sends it.
 * @throws FORBIDDEN
 */
export function refuseForeignOrigin(request: FastifyRequest): void {
  if (SAFE_METHODS.has(request.method) && !request.ws) return;
  const { origin, 'sec-fetch-site': site } = request.headers;
  if (site !== undefined && site !== 'same-origin') refuse(`Sec-Fetch-Site is "${String(site)}"`);
  if (origin === undefined) {
    if (site === undefined) refuse('there is no Origin');
    return;
  }
  const { publicUrl } = request.server.surface;
  const own = [originOf(`${request.protocol}://${request.host}`), publicUrl && originOf(publicUrl)];
  // "null", the origin of sandboxed pages, is no URL and equals none of them.
  if (!own.includes(origin.toLowerCase())) refuse('the Origin is another one');
}
