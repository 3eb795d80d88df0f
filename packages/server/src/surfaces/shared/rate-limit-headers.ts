import type { IncomingMessage } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { LimitState } from '../../core/ports.ts';

/**
 * `X-RateLimit-*` of the tightest limit, and all of them as `RateLimit` and `RateLimit-Policy`
 * (draft-ietf-httpapi-ratelimit-headers-11).
 * @param now milliseconds since 1970
 */
export function limitHeaders(states: readonly LimitState[], now: number): Record<string, string> {
  const tightest = states.reduce((a, b) => (b.remaining < a.remaining ? b : a));
  const reset = Math.max(Math.ceil(tightest.resetAt / 1000), Math.floor(now / 1000) + 1);
  const headers: Record<string, string> = {
    'x-ratelimit-limit': String(tightest.limit),
    'x-ratelimit-remaining': String(tightest.remaining),
    'x-ratelimit-reset': String(reset),
    'ratelimit-policy': states
      .map(({ policy, limit, windowMs }) => `"${policy}";q=${limit};w=${Math.ceil(windowMs / 1000)}`)
      .join(', '),
    ratelimit: states
      .map(({ policy, remaining, resetAt }) => `"${policy}";r=${remaining};t=${secondsUntil(resetAt, now)}`)
      .join(', '),
  };
  const nearlyUsed = states.find((state) => state.nearlyUsed);
  if (nearlyUsed !== undefined) {
    const { policy, remaining, limit } = nearlyUsed;
    headers['x-ratelimit-warning'] = `${policy}: ${remaining} of ${limit} left`;
  }
  return headers;
}

function secondsUntil(at: number, now: number): number {
  return Math.max(0, Math.ceil((at - now) / 1000));
}

const upgrades = new WeakMap<IncomingMessage, Record<string, string>>();

/** Keeps the headers of an upgrade, whose 101 is not written by Fastify. */
export function keepForUpgrade(request: IncomingMessage, headers: Record<string, string>): void {
  upgrades.set(request, headers);
}

/** Lines for the 101 of that request. */
export function upgradeLines(request: IncomingMessage): string[] {
  return Object.entries(upgrades.get(request) ?? {}).map(([name, value]) => `${name}: ${value}`);
}

export function setLimitHeaders(reply: FastifyReply, states: readonly LimitState[], now: number): void {
  if (states.length === 0) return;
  const headers = limitHeaders(states, now);
  reply.headers(headers);
  if (reply.request.ws) keepForUpgrade(reply.request.raw, headers);
}
