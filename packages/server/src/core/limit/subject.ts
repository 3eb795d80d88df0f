import type { LimitPolicy, LimitRequest, LimitSubject } from '../ports.ts';
import { canonicalSubject } from './network.ts';

type Who = Pick<LimitRequest, 'subject' | 'tenantId'>;

const OF_TENANTS: ReadonlySet<LimitSubject> = new Set(['identity', 'tenant', 'tenant_user']);
const TENANT = 'tenant:';

/** Whether a policy counts each tenant's subjects by themselves; the others belong to the installation. */
export function isOfTenants({ subject }: Pick<LimitPolicy, 'subject'>): boolean {
  return OF_TENANTS.has(subject);
}

/** The same subject in one form, however a verb names it: addresses by network, tenants where they count. */
export function normalise<R extends Who>(policy: Pick<LimitPolicy, 'subject'>, request: R): R {
  const subject = canonicalSubject(request.subject);
  if (!isOfTenants(policy)) return { ...request, subject, tenantId: undefined };
  if (request.tenantId !== undefined || !subject.startsWith(TENANT)) return { ...request, subject };
  return { ...request, subject, tenantId: subject.slice(TENANT.length) };
}

/** A tenant's subjects are its own: another tenant's reset or override cannot name them. */
export function subjectOf({ subject, tenantId }: Who): string {
  return tenantId === undefined ? subject : `${tenantId}\n${subject}`;
}

export function keyOf(request: Who & Pick<LimitRequest, 'policy'>): string {
  return `${request.policy}\n${subjectOf(request)}`;
}
