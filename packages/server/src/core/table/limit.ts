import type { JsonOrNull, Time, TimeOrNull } from './column.ts';

/** Tables of rate limits. */
export interface LimitTables {
  limit_overrides: {
    tenant_id: string;
    id: string;
    policy: string;
    /** '' for all subjects of the tenant. */
    subject: string;
    /** An Allowance; null for no limit. */
    allowance: JsonOrNull;
    reason: string;
    created_by: string;
    created_at: Time;
    expires_at: TimeOrNull;
  };
  limit_blocks: {
    tenant_id: string;
    policy: string;
    subject: string;
    level: number;
    blocked_at: Time;
    blocked_until: Time;
  };
}
