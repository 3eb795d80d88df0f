import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { defineRoute } from '../shared/route.ts';

const healthSchema = z
  .object({
    status: z.literal('ok'),
    timestamp: z.iso.datetime(),
    uptime: z.number().describe('Seconds since the process started.'),
  })
  .meta({ id: 'Health' });

/** Whether the process answers at all: asks nothing of the database or any other service. */
export function addHealthRoute(app: FastifyInstance): void {
  defineRoute(app, {
    method: 'GET',
    url: '/health',
    operationId: 'getHealth',
    summary: 'Whether the server is up',
    tags: ['ops'],
    auth: 'none',
    limit: 'none',
    response: { 200: healthSchema },
    handler: async (ctx, _input, reply) => {
      reply.header('cache-control', 'no-store');
      return {
        status: 'ok' as const,
        timestamp: new Date(ctx.clock.now()).toISOString(),
        uptime: process.uptime(),
      };
    },
  });
}
