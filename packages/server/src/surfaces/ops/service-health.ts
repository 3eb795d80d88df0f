import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { z } from 'zod';
import type { Services } from '../../core/context.ts';
import { defineRoute } from '../shared/route.ts';
import { HealthChecks, type HealthCheck } from './health-check.ts';

const serviceHealthSchema = z
  .object({
    status: z.enum(['healthy', 'degraded', 'unhealthy']),
    timestamp: z.iso.datetime(),
    uptime: z.number().describe('Seconds since the process started.'),
    version: z.string(),
    checks: z.array(
      z.object({
        name: z.string(),
        status: z.enum(['up', 'down']),
        essential: z.boolean().describe('Whether the server is unhealthy without it.'),
        response_ms: z.number(),
        message: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'ServiceHealth' });

/** What every server depends on. */
export function serviceChecks({ db, bus }: Pick<Services, 'db' | 'bus'>): HealthCheck[] {
  const database: HealthCheck = {
    name: 'database',
    essential: true,
    async run() {
      await sql`select 1`.execute(db.kysely);
      return { status: 'up', message: db.engine };
    },
  };
  const hints: HealthCheck = {
    name: 'bus',
    // Without hints followers are late, never wrong.
    essential: false,
    async run() {
      const state = bus.state();
      if (state === 'down') return { status: 'down', message: 'other servers are only heard by polling' };
      return { status: 'up', message: state === 'local' ? 'this is the only server' : 'redis' };
    },
  };
  return [database, hints];
}

/** Whether the server can work, and what it depends on: 503 only when it cannot. */
export function addServiceHealthRoute(
  app: FastifyInstance,
  checks: readonly HealthCheck[],
  version: string,
): void {
  const health = new HealthChecks(app.surface.clock, checks);
  defineRoute(app, {
    method: 'GET',
    url: '/api/health',
    operationId: 'getServiceHealth',
    summary: 'Whether the server and what it depends on are well',
    description: 'Checks run at most every two seconds. 503 only for `unhealthy`; `degraded` is 200.',
    tags: ['ops'],
    auth: 'none',
    limit: 'none',
    response: { 200: serviceHealthSchema, 503: serviceHealthSchema },
    handler: async (ctx, _input, reply) => {
      const report = await health.report();
      if (report.status === 'unhealthy') reply.code(503);
      const timestamp = new Date(ctx.clock.now()).toISOString();
      return { ...report, timestamp, uptime: process.uptime(), version };
    },
  });
}
