import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { DomainError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { RouteDoc } from './route-doc.ts';

type Deprecated = NonNullable<RouteDoc['deprecated']>;

/**
 * Announces the end of a route in every answer of it (RFC 9745, RFC 8594), and answers 410 after it.
 * @throws when the dates cannot be read or the sunset comes before the deprecation
 */
export function createDeprecationHook(deprecated: Deprecated, clock: Clock): onRequestHookHandler {
  const { since, sunset, successor, docs } = deprecated;
  const sinceMs = readDate(since);
  const sunsetMs = sunset === undefined ? null : readDate(sunset);
  if (sunsetMs !== null && sunsetMs <= sinceMs) throw new Error('A sunset comes after its deprecation.');
  return (request, reply, done) => {
    reply.header('deprecation', `@${sinceMs / 1000}`);
    if (sunsetMs !== null) reply.header('sunset', new Date(sunsetMs).toUTCString());
    const next = successor === undefined ? null : fillPath(successor, request);
    reply.header('link', linksTo(docs, sunsetMs !== null, next));
    done(sunsetMs !== null && clock.now() >= sunsetMs ? gone(reply, sunset!, next) : undefined);
  };
}

function linksTo(docs: string, hasSunset: boolean, successor: string | null): string {
  return [
    `<${docs}>; rel="deprecation"; type="text/html"`,
    ...(hasSunset ? [`<${docs}>; rel="sunset"; type="text/html"`] : []),
    ...(successor === null ? [] : [`<${successor}>; rel="successor-version"`]),
  ].join(', ');
}

function gone(reply: FastifyReply, sunset: string, successor: string | null): DomainError {
  reply.header('cache-control', 'no-store');
  return new DomainError('ROUTE_GONE', undefined, {
    details: { sunset, ...(successor === null ? {} : { successor }) },
    ...(successor === null ? {} : { suggestion: `Use ${successor} instead.` }),
  });
}

/** A date of the route's documentation, the start of that day in UTC. */
function readDate(date: string): number {
  const ms = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(ms)) throw new Error(`${date} is not a date such as 2027-01-31.`);
  return ms;
}

function fillPath(template: string, request: FastifyRequest): string {
  const params = request.params as Record<string, string>;
  return template.replace(/:(\w+)/g, (_all, name: string) => encodeURIComponent(params[name] ?? ''));
}
