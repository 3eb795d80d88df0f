import {
  advancedRunSchema,
  advanceRunSchema,
  cancelRunSchema,
  runSchema,
  startRunSchema,
  stepSchema,
  toolResultSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  advanceRun,
  cancelRun,
  getRun,
  listRuns,
  listSteps,
  postToolResult,
  startRun,
} from '../../core/run/index.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page, wholeNumber } from '../shared/schema.ts';

const base = { tags: ['runs'], auth: 'required' } as const;
const ofSession = z.object({ session_id: idParam('Session') });
const ofRun = ofSession.extend({ run_id: idParam('Run') });
const ofStep = ofRun.extend({ step_index: wholeNumber(0, 1_000_000) });

/** `/api/v1/sessions/:session_id/runs`: an agent's work on a session, step by recorded step. */
export function addRunRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/sessions/:session_id/runs',
    operationId: 'startRun',
    summary: 'Start a run without a new message',
    scope: 'write',
    params: ofSession,
    headers: idempotencyHeaders,
    body: startRunSchema,
    response: { 201: ok(runSchema) },
    handler: async (ctx, { params: { session_id }, body, headers }, reply) =>
      okBody(await startRun(onceCtx(ctx, headers, reply), session_id, body)),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/sessions/:session_id/runs',
    operationId: 'listRuns',
    summary: 'List the runs of a session, newest first',
    scope: 'read',
    params: ofSession,
    query: z.strictObject(idPageQuery),
    response: { 200: page(runSchema) },
    handler: async (ctx, { params: { session_id }, query }) =>
      pageReply(await listRuns(ctx, session_id, toPageQuery(query))),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/sessions/:session_id/runs/:run_id',
    operationId: 'getRun',
    summary: 'Get a run',
    scope: 'read',
    params: ofRun,
    response: { 200: ok(runSchema) },
    handler: async (ctx, { params: { session_id, run_id } }) => okBody(await getRun(ctx, session_id, run_id)),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/sessions/:session_id/runs/:run_id/cancel',
    operationId: 'cancelRun',
    summary: 'Cancel a run; cancelling it again changes nothing',
    scope: 'write',
    params: ofRun,
    body: cancelRunSchema,
    response: { 200: ok(runSchema) },
    handler: async (ctx, { params: { session_id, run_id }, body }) =>
      okBody(await cancelRun(ctx, session_id, run_id, body)),
  });
  addStepRoutes(app);
}

function addStepRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/sessions/:session_id/runs/:run_id/steps',
    operationId: 'listSteps',
    summary: 'List the recorded steps of a run, in order',
    scope: 'read',
    params: ofRun,
    response: { 200: ok(z.array(stepSchema)) },
    handler: async (ctx, { params: { session_id, run_id } }) =>
      okBody(await listSteps(ctx, session_id, run_id)),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/sessions/:session_id/runs/:run_id/steps',
    operationId: 'advanceRun',
    summary: 'Record one move of a run, fenced by the lease epoch',
    description:
      'For holders outside: steps that ended, steps that begin, the answer, the end of the run; all or nothing.',
    scope: 'hold',
    params: ofRun,
    headers: idempotencyHeaders,
    body: advanceRunSchema,
    response: { 200: ok(advancedRunSchema) },
    handler: async (ctx, { params: { session_id, run_id }, body, headers }, reply) =>
      okBody(await advanceRun(onceCtx(ctx, headers, reply), session_id, run_id, body)),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/sessions/:session_id/runs/:run_id/steps/:step_index/result',
    operationId: 'postToolResult',
    summary: 'Post the result of a tool that a client executes',
    scope: 'write',
    params: ofStep,
    headers: idempotencyHeaders,
    body: toolResultSchema,
    response: { 200: ok(stepSchema) },
    handler: async (ctx, { params: { session_id, run_id, step_index }, body, headers }, reply) =>
      okBody(await postToolResult(onceCtx(ctx, headers, reply), session_id, run_id, step_index, body)),
  });
}
