import type { RateBlock, RateOverride } from '@holdfast/protocol';
import { SYSTEM_TENANT } from '../audit/index.ts';
import type { Allowance } from '../ports.ts';
import { fromJson, iso } from '../wire.ts';
import type { OverrideRow } from './override-queries.ts';
import type { BlockRow } from './queries.ts';

const tenantOf = (id: string): string | null => (id === SYSTEM_TENANT ? null : id);

export function toOverride(row: OverrideRow): RateOverride {
  return {
    id: row.id,
    tenant_id: tenantOf(row.tenant_id),
    policy: row.policy,
    subject: row.subject === '' ? null : row.subject,
    allowance: fromJson<Allowance>(row.allowance),
    reason: row.reason,
    created_by: row.created_by,
    created_at: iso(row.created_at),
    expires_at: iso(row.expires_at),
  };
}

export function toBlock(row: BlockRow): RateBlock {
  return {
    tenant_id: tenantOf(row.tenant_id),
    policy: row.policy,
    subject: row.subject,
    level: row.level,
    blocked_at: iso(row.blocked_at),
    blocked_until: iso(row.blocked_until),
  };
}
