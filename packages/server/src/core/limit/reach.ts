import { SYSTEM_TENANT } from '../audit/index.ts';
import { requireScope, type Ctx, type Tier } from '../context.ts';
import { DomainError, invalid, notFound } from '../errors.ts';
import { requireOperator } from '../identity/index.ts';
import type { Allowance, LimitPolicy } from '../ports.ts';
import { WINDOWS } from './rules.ts';
import { isOfTenants, normalise } from './subject.ts';
import { findTier, hasKey, hasMember } from './tenant-queries.ts';

/** What an administrator means to change. */
export interface Reach {
  policy: LimitPolicy;
  /** SYSTEM_TENANT for policies of the installation. */
  tenantId: string;
  /** '' for every subject. */
  subject: string;
}

/** Whether the caller runs the installation. */
export async function isOperator(ctx: Ctx): Promise<boolean> {
  try {
    await requireOperator(ctx);
    return true;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'FORBIDDEN') return false;
    throw error;
  }
}

/** @throws NOT_FOUND */
export function findPolicy(ctx: Ctx, name: string): LimitPolicy {
  const policy = ctx.limits.policies().find((each) => each.name === name);
  if (policy === undefined) throw notFound('Policy');
  return policy;
}

/**
 * What the caller may touch: of its own tenant everything, as the operator everything.
 * @throws FORBIDDEN; NOT_FOUND for an unknown policy, tenant, key or user; VALIDATION_ERROR
 */
export async function requireReach(
  ctx: Ctx,
  given: { policy: string; tenant_id?: string; subject?: string | null },
): Promise<Reach> {
  requireScope(ctx, 'admin');
  const policy = findPolicy(ctx, given.policy);
  const own = ctx.principal.tenantId;
  const tenantId = isOfTenants(policy) ? (given.tenant_id ?? own) : SYSTEM_TENANT;
  if (tenantId !== own) await requireOperator(ctx);
  if (tenantId === SYSTEM_TENANT)
    return { policy, tenantId, subject: installationSubject(policy, given.subject) };
  if (tenantId !== own) await findTier(ctx.db, tenantId);
  return { policy, tenantId, subject: await tenantSubject(ctx, policy, tenantId, given.subject) };
}

function installationSubject(policy: LimitPolicy, subject: string | null | undefined): string {
  if (subject === null || subject === undefined) return '';
  if (!/^(ip|email|user):\S/.test(subject)) {
    throw invalid(
      'subject',
      'must be ip:<address>, email:<address>, both with a space between, or user:<id>',
    );
  }
  return normalise(policy, { subject }).subject;
}

async function tenantSubject(
  { db }: Ctx,
  policy: LimitPolicy,
  tenantId: string,
  subject: string | null | undefined,
): Promise<string> {
  if (subject === null || subject === undefined) return '';
  const colon = subject.indexOf(':');
  const [kind, id] = [subject.slice(0, colon), subject.slice(colon + 1)];
  if (policy.subject === 'tenant') {
    if (subject !== `tenant:${tenantId}`)
      throw invalid('subject', 'must be left out: this policy counts the whole tenant');
    return '';
  }
  if (!['key', 'user', 'guest'].includes(kind) || id === '')
    throw invalid('subject', 'must be key:<id>, user:<id> or guest:<id>');
  if (kind === 'key' && !(await hasKey(db, tenantId, id))) throw notFound('API key');
  if (kind === 'user' && !(await hasMember(db, tenantId, id))) throw notFound('User');
  return subject;
}

/** The reach's subject as uses are counted: a whole tenant is one too. */
export function subjectToCount({ policy, tenantId, subject }: Reach): { subject: string; tenantId?: string } {
  if (!isOfTenants(policy)) return { subject };
  return { subject: policy.subject === 'tenant' ? `tenant:${tenantId}` : subject, tenantId };
}

/** Whoever does not run the installation may take away, and give back up to what the tier allows. @throws FORBIDDEN */
export async function requireWithinTier(
  ctx: Ctx,
  { policy, tenantId }: Reach,
  allowance: Allowance | null,
): Promise<void> {
  const tier: Tier = tenantId === SYSTEM_TENANT ? 'free' : await findTier(ctx.db, tenantId);
  const most = policy.allowances[tier];
  const above = [...WINDOWS, 'burst' as const].filter((name) => {
    const limit = most[name];
    return limit !== undefined && (allowance?.[name] ?? Number.POSITIVE_INFINITY) > limit;
  });
  if (above.length === 0 || (await isOperator(ctx))) return;
  throw new DomainError(
    'FORBIDDEN',
    `This is above what the tier "${tier}" allows; only the operator may raise it.`,
    {
      details: { tier, tier_allowance: most, above },
    },
  );
}
