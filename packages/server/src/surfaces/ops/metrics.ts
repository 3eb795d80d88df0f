import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { defineRoute } from '../shared/route.ts';

/** The part of infra's metric registry that a scrape needs. */
export interface MetricsSource {
  readonly contentType: string;
  render(): Promise<string>;
}

/** Prometheus scrape: requests by route, method and status class, the process, the event loop. */
export function addMetricsRoute(app: FastifyInstance, metrics: MetricsSource): void {
  defineRoute(app, {
    method: 'GET',
    url: '/metrics',
    operationId: 'getMetrics',
    summary: 'Metrics in the Prometheus text format',
    tags: ['ops'],
    auth: 'required',
    scope: 'read',
    produces: ['text/plain'],
    response: { 200: z.string() },
    handler: async (_ctx, _input, reply) => {
      const text = await metrics.render();
      reply.header('content-type', metrics.contentType).header('cache-control', 'no-store').send(text);
    },
  });
}
