import type { Principal } from '../../core/context.ts';
import { DEFAULT_POLICIES } from '../../core/limit/index.ts';
import type { LimitPolicy } from '../../core/ports.ts';
import type { RouteDoc } from './route-doc.ts';

/** A `limit` of a route that is not counted at all. */
export const NOT_COUNTED = 'none';

/** What a request counts against: before anybody is known, or after. */
export type LimitPlan =
  { by: 'address'; policies: readonly LimitPolicy[] } | { by: 'principal'; policies: readonly LimitPolicy[] };

const BY_NAME = new Map(DEFAULT_POLICIES.map((policy) => [policy.name, policy]));

function policyOf(name: string): LimitPolicy {
  const policy = BY_NAME.get(name);
  if (policy === undefined) throw new Error(`There is no rate limit policy ${name}.`);
  return policy;
}

function withAlso(policy: LimitPolicy): LimitPolicy[] {
  return [policy, ...policy.also.map(policyOf)];
}

/** Paths that no route knows, and everything refused before a route is found. */
export const UNKNOWN_PATH: LimitPlan = { by: 'address', policies: [policyOf('anonymous')] };
/** Routes of files, which are not made by `defineRoute`. */
export const FILE: LimitPlan = { by: 'address', policies: [policyOf('page')] };

/**
 * Identity, then tenant, then what the route names. A policy of identities that the route names takes the place
 * of the general one.
 */
export function limitPlanOf({
  auth,
  limit,
  scope,
  url,
}: Pick<RouteDoc, 'auth' | 'limit' | 'scope' | 'url'>): LimitPlan {
  if (limit === NOT_COUNTED) return { by: 'address', policies: [] };
  const own = limit === undefined ? null : policyOf(limit);
  if (auth === 'none') {
    const stranger = url.startsWith('/api/v1/auth/') ? 'auth' : 'anonymous';
    return { by: 'address', policies: withAlso(own ?? policyOf(stranger)) };
  }
  const general = policyOf(scope === 'hold' ? 'holder' : 'platform');
  const byIdentity = own?.subject === 'identity' ? own : general;
  const rest = own === null || own === byIdentity ? [] : withAlso(own);
  return { by: 'principal', policies: [...withAlso(byIdentity), policyOf('tenant'), ...rest] };
}

/** Whose use it is, as that policy counts. Tenants' subjects are counted within their tenant. */
export function subjectFor(
  policy: LimitPolicy,
  ip: string,
  principal: Principal | null,
): { subject: string; tenantId?: string } {
  if (policy.subject === 'ip') return { subject: `ip:${ip}` };
  if (principal === null)
    throw new Error(`The policy ${policy.name} counts by ${policy.subject}, not by address.`);
  const { tenantId, actor } = principal;
  return { subject: policy.subject === 'tenant' ? `tenant:${tenantId}` : actor, tenantId };
}
