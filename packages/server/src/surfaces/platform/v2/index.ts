import { clientConfigSchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { defineRoute } from '../../shared/route.ts';
import { configDoc, type ReadConfig } from '../api-routes.ts';
import { addAgentV2Routes } from './agent-routes.ts';
import { dataOf } from './envelope.ts';

/** Everything under `/api/v2`; what is not there yet is used through version 1. */
export function addPlatformV2Routes(app: FastifyInstance, configOf: ReadConfig): void {
  addAgentV2Routes(app);
  defineRoute(app, {
    ...configDoc,
    url: '/api/v2/config',
    operationId: 'getConfigV2',
    response: { 200: dataOf(clientConfigSchema) },
    handler: async (ctx) => ({ data: await configOf(ctx.principal.tenantId, 'v2') }),
  });
}
