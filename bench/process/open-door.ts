import type { AddressInfo } from 'node:net';
import type { Principal, Services } from '../../packages/server/src/core/context.ts';
import { LIMITS_OFF } from '../../packages/server/src/core/limit/index.ts';
import { systemClock } from '../../packages/server/src/infra/clock/system-clock.ts';
import { openDb } from '../../packages/server/src/infra/db/index.ts';
import { createLogger } from '../../packages/server/src/infra/observability/logger.ts';
import { addProjectRoutes } from '../../packages/server/src/surfaces/platform/project-routes.ts';
import { createHttp } from '../../packages/server/src/surfaces/shared/http-server.ts';
import { serve } from './serve.ts';

/** The same HTTP layer, route and query for a caller who is taken for granted: no look-up, limit or audit. */
async function open(input: { databaseUrl: string; tenantId: string }): Promise<string> {
  const logger = createLogger('warn');
  const db = await openDb({ databaseUrl: input.databaseUrl, dataDir: null, skipMigrations: true });
  const principal: Principal = {
    kind: 'api_key',
    tenantId: input.tenantId,
    actor: 'key:bench',
    userId: null,
    scopes: new Set(['admin']),
    expiresAt: null,
  };
  const services = { db, logger, clock: systemClock, limits: LIMITS_OFF } as unknown as Services;
  const app = createHttp({ services, logger, authenticate: async () => principal });
  addProjectRoutes(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
}

serve({ open });
