import type { FastifyRequest } from 'fastify';
import type { Client } from '../../core/context.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of the peer, or what a trusted proxy says of it; see client-address.ts. */
    clientIp: string;
  }
}

/** Where a request came from. */
export function clientOf({ clientIp, headers }: FastifyRequest): Client {
  return { ip: clientIp, userAgent: headers['user-agent'] ?? null };
}
