import { agentV2Schema, createAgentV2Schema, updateAgentV2Schema, type Agent } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Ctx } from '../../../core/context.ts';
import { createAgent, getAgent, listAgents, updateAgent } from '../../../features/agent/index.ts';
import { ifMatchHeaders } from '../../shared/etag.ts';
import { idempotencyHeaders, onceCtx } from '../../shared/idempotency.ts';
import { idPageQuery, toPageQuery } from '../../shared/paging.ts';
import { defineRoute } from '../../shared/route.ts';
import { idParam } from '../../shared/schema.ts';
import { toAgentV2, toCreateAgent, toUpdateAgent } from './agent.ts';
import { dataOf, pageOf, pageReply } from './envelope.ts';

const base = { tags: ['agents'], auth: 'required' } as const;
const params = z.object({ agent_id: idParam('Agent') });

/** `/api/v2/agents`: the verbs of version 1 in the shapes of version 2. */
export function addAgentV2Routes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v2/agents',
    operationId: 'createAgentV2',
    summary: 'Create an agent',
    scope: 'write',
    headers: idempotencyHeaders,
    body: createAgentV2Schema,
    response: { 201: dataOf(agentV2Schema) },
    fails: [404],
    handler: async (ctx, { body, headers }, reply) => ({
      data: toAgentV2(await createAgent(onceCtx(ctx, headers, reply), toCreateAgent(body))),
    }),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v2/agents',
    operationId: 'listAgentsV2',
    summary: 'List agents, newest first',
    scope: 'read',
    cache: { maxAge: 120, staleWhileRevalidate: 60 },
    query: z.strictObject({ ...idPageQuery, project_id: z.uuid().optional() }),
    response: { 200: pageOf(agentV2Schema) },
    handler: async (ctx, { query }) => {
      const { items, ...page } = await listAgents(ctx, {
        ...toPageQuery(query),
        project_id: query.project_id,
      });
      return pageReply({ ...page, items: items.map(toAgentV2) });
    },
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v2/agents/:agent_id',
    operationId: 'getAgentV2',
    summary: 'Get an agent',
    scope: 'read',
    params,
    response: { 200: dataOf(agentV2Schema) },
    handler: async (ctx, { params: { agent_id } }) => ({ data: toAgentV2(await getAgent(ctx, agent_id)) }),
  });
  addChange(app);
}

function addChange(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'PATCH',
    url: '/api/v2/agents/:agent_id',
    operationId: 'updateAgentV2',
    summary: 'Change an agent; runs that have begun are not affected',
    scope: 'write',
    params,
    headers: ifMatchHeaders,
    body: updateAgentV2Schema,
    response: { 200: dataOf(agentV2Schema) },
    handler: async (ctx, { params: { agent_id }, body }) => ({
      data: toAgentV2(await updateAgent(matchingV2(ctx), agent_id, toUpdateAgent(body))),
    }),
  });
}

/** An ETag of version 2 is one of its shape. */
function matchingV2(ctx: Ctx): Ctx {
  const { ifMatch } = ctx;
  if (ifMatch === undefined) return ctx;
  return { ...ctx, ifMatch: (current) => ifMatch(toAgentV2(current as Agent)) };
}
