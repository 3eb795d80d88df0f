import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { pathOf } from './request-id.ts';
import type { ObserveRequest } from './surface.ts';

export interface RequestLogOptions {
  logger: FastifyBaseLogger;
  observeRequest: ObserveRequest | undefined;
  slowMs: number;
}

/** Route template, or one name for all unknown paths. */
function routeOf(request: FastifyRequest): string {
  return request.is404 ? 'unmatched' : (request.routeOptions.url ?? 'unmatched');
}

/** One line a request: `info` if it failed or was slow, `debug` otherwise. The query is never logged. */
export function installRequestLog(app: FastifyInstance, options: RequestLogOptions): void {
  const { logger, observeRequest, slowMs } = options;
  const debug = isEnabled(logger, 'debug');
  app.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done) => {
    const ms = reply.elapsedTime;
    const status = reply.statusCode;
    observeRequest?.(routeOf(request), request.method, status, ms / 1000);
    const level = status >= 400 || ms >= slowMs ? 'info' : 'debug';
    if (level === 'info' || debug) {
      logger[level](
        {
          request_id: request.id,
          method: request.method,
          path: pathOf(request.url),
          route: routeOf(request),
          status,
          duration_ms: Math.round(ms * 100) / 100,
          actor: request.principal?.actor,
        },
        'request',
      );
    }
    done();
  });
}

/** Whether lines of this level are written at all. */
export function isEnabled(logger: FastifyBaseLogger, level: string): boolean {
  const { isLevelEnabled } = logger as FastifyBaseLogger & { isLevelEnabled?: (level: string) => boolean };
  return isLevelEnabled?.call(logger, level) ?? true;
}
