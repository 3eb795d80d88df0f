import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../core/errors.ts';
import { LimitExceeded, refusalOf } from '../../core/limit/index.ts';
import type { LimitPolicy, LimitState } from '../../core/ports.ts';
import { clientOf } from './client.ts';
import { setLimitHeaders, upgradeLines } from './rate-limit-headers.ts';
import { FILE, subjectFor, UNKNOWN_PATH, type LimitPlan } from './rate-limit-plan.ts';
import './surface.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set by `defineRoute`; other routes serve files. */
    limit?: LimitPlan;
  }
  interface FastifyRequest {
    /** What was counted for this request so far. */
    limitStates: LimitState[] | null;
  }
}

/**
 * Counts every request that no credential vouches for by its address, before anything else is done, and sees to it
 * that every answer says what is left. Who is known is counted by `limitPrincipal`.
 */
export function installRateLimits(app: FastifyInstance): void {
  app.decorateRequest('limitStates', null);
  app.addHook('onRequest', (request, reply, done) => {
    const plan = planOf(request);
    if (plan.by === 'principal' || plan.policies.length === 0) return done();
    count(request, reply, plan.policies).then(() => done(), done);
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    reportUncounted(request, reply);
    done();
  });
  app.websocketServer.on('headers', (headers: string[], request) => headers.push(...upgradeLines(request)));
}

/** Counts the request of somebody who is known. @throws RATE_LIMIT, SERVICE_UNAVAILABLE */
export async function limitPrincipal(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const plan = planOf(request);
  if (plan.by === 'principal') await count(request, reply, plan.policies);
}

/**
 * Counts a request whose credential is missing or refused by its address.
 * @throws RATE_LIMIT instead of `error` when the address has used up what strangers may
 */
export async function limitRefused(
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): Promise<never> {
  const refused =
    error instanceof DomainError && (error.code === 'UNAUTHORIZED' || error.code === 'FORBIDDEN');
  if (refused) await count(request, reply, UNKNOWN_PATH.policies);
  throw error;
}

/** Counts what never reaches a route, such as a path that cannot be decoded. @returns what to answer with */
export function limitUnrouted(
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
): Promise<unknown> {
  return count(request, reply, UNKNOWN_PATH.policies).then(
    () => error,
    (refusal: unknown) => refusal,
  );
}

/** A verb's own limit refused: its numbers go with the answer. */
export function reportRefusal(request: FastifyRequest, reply: FastifyReply, thrown: unknown): void {
  if (!(thrown instanceof LimitExceeded) || thrown.state === null) return;
  if (request.limitStates?.includes(thrown.state)) return;
  report(request, reply, [...(request.limitStates ?? []), thrown.state]);
}

/** The numbers of a stranger who has used nothing, where nothing was counted. */
function reportUncounted(request: FastifyRequest, reply: FastifyReply): void {
  if (request.limitStates !== null) return;
  const untouched = request.server.surface.services.limits.untouched('anonymous');
  if (untouched !== null) report(request, reply, [untouched]);
}

function planOf({ is404, routeOptions }: FastifyRequest): LimitPlan {
  return is404 ? UNKNOWN_PATH : (routeOptions.config.limit ?? FILE);
}

async function count(
  request: FastifyRequest,
  reply: FastifyReply,
  policies: readonly LimitPolicy[],
): Promise<void> {
  const { limits } = request.server.surface.services;
  const { principal, id: requestId } = request;
  const states = request.limitStates ?? [];
  const client = clientOf(request);
  try {
    for (const policy of policies) {
      const decision = await limits.decide({
        policy: policy.name,
        ...subjectFor(policy, client.ip, principal),
        tier: principal?.tier,
        actor: principal?.actor,
        client,
        requestId,
      });
      if (decision.state !== null) states.push(decision.state);
      if (decision.outcome !== 'allowed' && decision.outcome !== 'slowed')
        throw refusalOf(policy.name, decision);
    }
  } finally {
    report(request, reply, states);
  }
}

function report(request: FastifyRequest, reply: FastifyReply, states: LimitState[]): void {
  request.limitStates = states;
  setLimitHeaders(reply, states, request.server.surface.clock.now());
}
