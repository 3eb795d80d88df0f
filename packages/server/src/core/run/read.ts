import { pageQuerySchema, type Page, type PageQuery, type Run, type Step } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { totalOf } from '../count-rows.ts';
import { fetchSession } from '../session/index.ts';
import { pageOf } from '../wire.ts';
import { countRuns, fetchRun, selectRuns, toRun } from './queries.ts';
import { selectSteps, toStep } from './step-queries.ts';

/** @throws NOT_FOUND, also for another tenant's */
export async function getRun(ctx: Ctx, sessionId: string, runId: string): Promise<Run> {
  requireScope(ctx, 'read');
  return toRun(await fetchRun(ctx.db, ctx.principal.tenantId, sessionId, runId));
}

/** Newest first. @throws NOT_FOUND for the session */
export async function listRuns(ctx: Ctx, sessionId: string, input: PageQuery): Promise<Page<Run>> {
  requireScope(ctx, 'read');
  const page = pageQuerySchema.parse(input);
  const { limit, after } = page;
  const { tenantId } = ctx.principal;
  await fetchSession(ctx.db, tenantId, sessionId);
  const rows = await selectRuns(ctx.db, tenantId, sessionId, { limit: limit + 1, after });
  const total = await totalOf(page, rows, (include) => countRuns(ctx.db, tenantId, sessionId, include));
  return pageOf(rows, limit, (row) => row, total);
}

/** Every recorded step, in order. @throws NOT_FOUND for session or run */
export async function listSteps(ctx: Ctx, sessionId: string, runId: string): Promise<Step[]> {
  requireScope(ctx, 'read');
  const { tenantId } = ctx.principal;
  await fetchRun(ctx.db, tenantId, sessionId, runId);
  return (await selectSteps(ctx.db, tenantId, runId)).map(toStep);
}
