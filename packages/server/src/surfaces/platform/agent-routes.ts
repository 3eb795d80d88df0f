import { agentSchema, createAgentSchema, updateAgentSchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { createAgent, getAgent, listAgents, updateAgent } from '../../features/agent/index.ts';
import { ifMatchHeaders } from '../shared/etag.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page } from '../shared/schema.ts';

const base = { tags: ['agents'], auth: 'required' } as const;
const params = z.object({ agent_id: idParam('Agent') });

/** `/api/v1/agents`: name, instructions, model, tools and budgets of who answers. */
export function addAgentRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/agents',
    operationId: 'createAgent',
    summary: 'Create an agent',
    scope: 'write',
    headers: idempotencyHeaders,
    body: createAgentSchema,
    response: { 201: ok(agentSchema) },
    fails: [404],
    handler: async (ctx, { body, headers }, reply) =>
      okBody(await createAgent(onceCtx(ctx, headers, reply), body)),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/agents',
    operationId: 'listAgents',
    summary: 'List agents, newest first',
    scope: 'read',
    cache: { maxAge: 120, staleWhileRevalidate: 60 },
    query: z.strictObject({ ...idPageQuery, project_id: z.uuid().optional() }),
    response: { 200: page(agentSchema) },
    handler: async (ctx, { query }) =>
      pageReply(await listAgents(ctx, { ...toPageQuery(query), project_id: query.project_id })),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/agents/:agent_id',
    operationId: 'getAgent',
    summary: 'Get an agent',
    scope: 'read',
    params,
    response: { 200: ok(agentSchema) },
    handler: async (ctx, { params: { agent_id } }) => okBody(await getAgent(ctx, agent_id)),
  });
  addChangeRoutes(app);
}

function addChangeRoutes(app: FastifyInstance): void {
  const change = {
    ...base,
    url: '/api/v1/agents/:agent_id',
    scope: 'write',
    params,
    headers: ifMatchHeaders,
    body: updateAgentSchema,
    response: { 200: ok(agentSchema) },
  } as const;
  defineRoute(app, {
    ...change,
    method: 'PATCH',
    operationId: 'updateAgent',
    summary: 'Change an agent; runs that have begun are not affected',
    handler: async (ctx, { params: { agent_id }, body }) => okBody(await updateAgent(ctx, agent_id, body)),
  });
  defineRoute(app, {
    ...change,
    method: 'PUT',
    operationId: 'putAgent',
    summary: 'Change an agent, as PATCH does',
    description:
      'Fields that are left out keep their values, which is not what PUT means elsewhere. Use PATCH, or version 2.',
    deprecated: {
      since: '2026-11-21',
      sunset: '2028-06-30',
      successor: '/api/v2/agents/:agent_id',
      docs: '/api/docs#/agents/putAgent',
    },
    handler: async (ctx, { params: { agent_id }, body }) => okBody(await updateAgent(ctx, agent_id, body)),
  });
}
