import { apiUsageQuerySchema, type ApiUsage, type ApiUsageQuery } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { invalid } from '../errors.ts';
import type { UsageCounter } from './counter.ts';
import { sumUsage } from './queries.ts';

const DEFAULT_DAYS = 30;
const DAY_MS = 86_400_000;
const MAX_PRINCIPALS = 100;

/**
 * How often the tenant called which version and route, and who. Calls this server has answered are all in it;
 * those of other servers follow within seconds.
 * @param isDeprecated of a route as it is counted: `GET /api/v1/agents`
 * @throws FORBIDDEN without `admin`; VALIDATION_ERROR when the days are in the wrong order
 */
export async function readApiUsage(
  ctx: Ctx & { readonly usage: UsageCounter; readonly isDeprecated: (route: string) => boolean },
  input: ApiUsageQuery,
): Promise<ApiUsage> {
  requireScope(ctx, 'admin');
  const query = apiUsageQuerySchema.parse(input);
  const to = query.to ?? dayOf(ctx.clock.now());
  const from = query.from ?? dayOf(Date.parse(to) - (DEFAULT_DAYS - 1) * DAY_MS);
  if (from > to) throw invalid('from', 'must not be after to');
  await ctx.usage.flush();
  const filter = { tenantId: ctx.principal.tenantId, from, to, version: query.version };
  const days = await sumUsage(ctx.db, filter, 'day');
  const routes = await sumUsage(ctx.db, filter, 'route');
  const principals = await sumUsage(ctx.db, filter, 'principal');
  const versions = [...new Set(days.map(({ version }) => version))].sort();
  return { from, to, versions: versions.map(summarise) };

  function summarise(version: string): ApiUsage['versions'][number] {
    const own = (rows: typeof days) => rows.filter((row) => row.version === version);
    const byDay = own(days).map(({ value, requests }) => ({ day: value, requests }));
    return {
      version,
      requests: byDay.reduce((sum, { requests }) => sum + requests, 0),
      days: byDay.sort((a, b) => (a.day < b.day ? -1 : 1)),
      routes: own(routes).map(({ value: route, requests }) => ({
        route,
        deprecated: ctx.isDeprecated(route),
        requests,
      })),
      principals: own(principals)
        .slice(0, MAX_PRINCIPALS)
        .map(({ value, requests }) => ({ principal: value, requests })),
    };
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
