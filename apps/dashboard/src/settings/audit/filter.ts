import { auditChainSchema, auditOutcomeSchema, type AuditChain, type AuditOutcome } from '@holdfast/protocol';
import { fromLocalField, toLocalField } from '../../lib/until.ts';

/** What the log is narrowed to; the address of the page keeps it. */
export interface AuditSearch {
  chain?: AuditChain;
  actor?: string;
  action?: string;
  target_type?: string;
  target_id?: string;
  outcome?: AuditOutcome;
  ip?: string;
  /** ISO 8601 */
  from?: string;
  to?: string;
  text?: string;
}

const TEXTS = ['actor', 'action', 'target_type', 'target_id', 'ip', 'from', 'to', 'text'] as const;
const TIMES = ['from', 'to'] as const;
export const ENTRY = 'entry';

export function readFilter(params: URLSearchParams): AuditSearch {
  const filter: AuditSearch = {};
  for (const name of TEXTS) {
    const value = params.get(name)?.trim();
    if (value !== undefined && value !== '') filter[name] = value;
  }
  const outcome = auditOutcomeSchema.safeParse(params.get('outcome'));
  if (outcome.success) filter.outcome = outcome.data;
  const chain = auditChainSchema.safeParse(params.get('chain'));
  if (chain.success && chain.data !== 'tenant') filter.chain = chain.data;
  return filter;
}

/** @returns the query of the address, without what is empty */
export function writeFilter(filter: AuditSearch): URLSearchParams {
  return new URLSearchParams(
    Object.entries(filter).filter(([, value]) => value !== undefined && value !== ''),
  );
}

/** What the form holds; its times are those of the place where it is filled in. */
export function readForm(form: FormData): AuditSearch {
  const params = new URLSearchParams(
    [...form].map(([name, value]) => [name, typeof value === 'string' ? value : '']),
  );
  for (const name of TIMES) params.set(name, fromLocalField(params.get(name) ?? '') ?? '');
  return readFilter(params);
}

/** The other way round: what the form shows of a query of the address. */
export function toFields(query: URLSearchParams): URLSearchParams {
  const fields = new URLSearchParams(query);
  for (const name of TIMES) fields.set(name, toLocalField(query.get(name) ?? undefined));
  return fields;
}
