import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../core/errors.ts';
import './surface.ts';

/** Whether the caller reached this server over TLS, as far as it can know. */
export function isSecure(request: FastifyRequest): boolean {
  return request.protocol === 'https' || (request.server.surface.publicUrl?.startsWith('https:') ?? false);
}

/** A browser takes a `__Host-` cookie only from this very host over TLS, so no neighbour can plant one. */
export function guestCookieName(secure: boolean): string {
  return secure ? '__Host-sid' : 'sid';
}

/**
 * The value of the guest cookie, undefined without one.
 * @throws UNAUTHORIZED when there are several: one of them was planted
 */
export function readGuestCookie(request: FastifyRequest): string | undefined {
  const { cookie } = request.headers;
  if (cookie === undefined) return undefined;
  const name = guestCookieName(isSecure(request));
  const values = cookie
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  if (values.length > 1)
    throw new DomainError('UNAUTHORIZED', `The cookie "${name}" was sent more than once.`);
  return values[0];
}

/** @param maxAgeMs 0 removes it */
export function setGuestCookie(reply: FastifyReply, value: string, maxAgeMs: number): void {
  const secure = isSecure(reply.request);
  const attributes = ['Path=/', `Max-Age=${Math.floor(maxAgeMs / 1000)}`, 'HttpOnly', 'SameSite=Lax'];
  if (secure) attributes.push('Secure');
  reply.header('set-cookie', [`${guestCookieName(secure)}=${value}`, ...attributes].join('; '));
}
