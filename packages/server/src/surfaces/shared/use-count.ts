import type { FastifyInstance } from 'fastify';
import type { Use } from '../../core/api-usage/index.ts';
import { versionOfPath } from './api-version.ts';

/** Counts answered requests by version, route and caller; what no route or nobody known asked for is left out. */
export function installUseCount(app: FastifyInstance, countUse: (use: Use) => void): void {
  app.addHook('onResponse', (request, _reply, done) => {
    const { principal, routeOptions } = request;
    const url = routeOptions.url;
    if (principal !== null && url !== undefined && !request.is404) {
      const version = versionOfPath(url);
      if (version !== null) {
        const route = `${request.method} ${url}`;
        countUse({ tenantId: principal.tenantId, version, route, principal: principal.actor });
      }
    }
    done();
  });
}
