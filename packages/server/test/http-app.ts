import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Principal, Scope, Services } from '../src/core/context.ts';
import { DomainError } from '../src/core/errors.ts';
import { LIMITS_OFF } from '../src/core/limit/index.ts';
import type { Clock } from '../src/core/ports.ts';
import { systemClock } from '../src/infra/clock/system-clock.ts';
import { createLogger } from '../src/infra/observability/logger.ts';
import { Metrics } from '../src/infra/observability/metrics.ts';
import { createHttp } from '../src/surfaces/shared/http-server.ts';
import type { HttpOptions } from '../src/surfaces/shared/surface.ts';

export const TOKENS: Readonly<Record<string, readonly Scope[]>> = {
  'token-admin': ['admin'],
  'token-write': ['read', 'write'],
  'token-read': ['read'],
  'token-none': [],
};

export function principalOf(token: string): Principal {
  const scopes = TOKENS[token];
  if (scopes === undefined) throw new DomainError('UNAUTHORIZED');
  return {
    kind: 'api_key',
    tenantId: '0195a7f0-0000-7000-8000-000000000001',
    actor: `key:${token}`,
    userId: null,
    scopes: new Set(scopes),
    expiresAt: null,
  };
}

export interface LoggedApp {
  app: FastifyInstance;
  metrics: Metrics;
  /** Lines logged so far, parsed. */
  lines(): Record<string, unknown>[];
  /** The same, as written. */
  text(): string;
}

/** The shared HTTP layer without a database, for tests of the layer itself. */
export function createTestHttp(options: Partial<HttpOptions> & { clock?: Clock } = {}): LoggedApp {
  const written: string[] = [];
  const logger = createLogger('debug', { write: (line) => void written.push(line) });
  const metrics = new Metrics();
  const { clock = systemClock, ...rest } = options;
  const app = createHttp({
    services: { clock, logger, limits: LIMITS_OFF } as unknown as Services,
    authenticate: async ({ token }) => principalOf(token),
    logger,
    checkReplies: true,
    observeRequest: (...args) => metrics.observeRequest(...args),
    ...rest,
  });
  return {
    app,
    metrics,
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
    text: () => written.join(''),
  };
}

/** @returns the port, on 127.0.0.1 */
export async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}
