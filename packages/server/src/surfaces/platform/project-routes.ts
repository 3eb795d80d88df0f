import { createProjectSchema, projectSchema, updateProjectSchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { createProject, getProject, listProjects, updateProject } from '../../core/project/index.ts';
import { ifMatchHeaders } from '../shared/etag.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page } from '../shared/schema.ts';

const base = { tags: ['projects'], auth: 'required' } as const;
const params = z.object({ project_id: idParam('Project') });

/** `/api/v1/projects`: what sessions, agents and documents belong to. */
export function addProjectRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/projects',
    operationId: 'createProject',
    summary: 'Create a project',
    scope: 'write',
    headers: idempotencyHeaders,
    body: createProjectSchema,
    response: { 201: ok(projectSchema) },
    handler: async (ctx, { body, headers }, reply) =>
      okBody(await createProject(onceCtx(ctx, headers, reply), body)),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/projects',
    operationId: 'listProjects',
    summary: 'List projects, newest first',
    scope: 'read',
    query: z.strictObject(idPageQuery),
    response: { 200: page(projectSchema) },
    handler: async (ctx, { query }) => pageReply(await listProjects(ctx, toPageQuery(query))),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/projects/:project_id',
    operationId: 'getProject',
    summary: 'Get a project',
    scope: 'read',
    params,
    response: { 200: ok(projectSchema) },
    handler: async (ctx, { params: { project_id } }) => okBody(await getProject(ctx, project_id)),
  });
  defineRoute(app, {
    ...base,
    method: 'PATCH',
    url: '/api/v1/projects/:project_id',
    operationId: 'updateProject',
    summary: 'Change a project',
    scope: 'write',
    params,
    headers: ifMatchHeaders,
    body: updateProjectSchema,
    response: { 200: ok(projectSchema) },
    handler: async (ctx, { params: { project_id }, body }) =>
      okBody(await updateProject(ctx, project_id, body)),
  });
}
