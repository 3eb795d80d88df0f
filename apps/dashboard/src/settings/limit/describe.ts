import type { RateAllowance, RatePolicy } from '@holdfast/protocol';
import { formatNumber } from '../../lib/format.ts';

export const WINDOWS = ['minute', 'hour', 'day'] as const;

type Counts = RatePolicy['subject'];

const COUNTED_BY: Readonly<Record<Counts, string>> = {
  ip: 'address',
  identity: 'key or user',
  tenant: 'team',
  tenant_user: 'user',
  email: 'e-mail',
  ip_email: 'address and e-mail',
  user: 'user',
};

const EXAMPLES: Readonly<Record<Counts, string>> = {
  ip: 'ip:203.0.113.7',
  identity: 'key:…, user:… or guest:…',
  tenant: '',
  tenant_user: 'user:…',
  email: 'email:ann@example.com',
  ip_email: 'ip:203.0.113.7 email:ann@example.com',
  user: 'user:…',
};

export const countedBy = ({ subject }: Pick<RatePolicy, 'subject'>): string => COUNTED_BY[subject];
export const exampleOf = ({ subject }: Pick<RatePolicy, 'subject'>): string => EXAMPLES[subject];

/** Whether each team has its own count; the others belong to the installation. */
export function isOfTeams({ subject }: Pick<RatePolicy, 'subject'>): boolean {
  return subject === 'identity' || subject === 'tenant' || subject === 'tenant_user';
}

interface Owned {
  /** Null for what belongs to the installation. */
  tenant_id: string | null;
  /** Null for every subject. */
  subject: string | null;
}

/** Whom an override or a block is about; names the team where it is another one, as the operator sees all. */
export function whomOf(
  { tenant_id, subject }: Owned,
  ownTenant: string,
  nameOf: (subject: string) => string,
): string {
  if (tenant_id === null) return subject === null ? 'everybody' : nameOf(subject);
  const isOwn = tenant_id === ownTenant;
  if (subject === null || subject === `tenant:${tenant_id}`)
    return isOwn ? 'the whole team' : `the team ${tenant_id}`;
  return isOwn ? nameOf(subject) : `${subject} of the team ${tenant_id}`;
}

/** `6,000 a minute, 100 at once` */
export function formatAllowance(allowance: RateAllowance | null): string {
  const parts = WINDOWS.flatMap((window) => {
    const uses = allowance?.[window];
    return uses === undefined ? [] : [`${formatNumber(uses)} ${window === 'hour' ? 'an' : 'a'} ${window}`];
  });
  if (allowance?.burst !== undefined) parts.push(`${formatNumber(allowance.burst)} at once`);
  return parts.length === 0 ? 'no limit' : parts.join(', ');
}
