import type { Generated } from 'kysely';
import type { Json, JsonOrNull, Time } from './column.ts';

/** Tables of the audit log. */
export interface AuditTables {
  audit_entries: {
    tenant_id: string;
    seq: number;
    id: string;
    occurred_at: Time;
    action: string;
    outcome: 'success' | 'denied' | 'failure';
    /** `AuditActor` of the protocol. */
    actor: Json;
    /** Array of `AuditTarget`. */
    targets: Json;
    /** `ip`, `user_agent`, `request_id` and `details`. */
    context: Json;
    /** Array of `AuditChange`, or null where nothing has a before or after. */
    diff: JsonOrNull;
    schema_version: number;
    prev_hash: string;
    hash: string;
  };
  audit_heads: { tenant_id: string; seq: number; hash: string };
  audit_checkpoints: { tenant_id: string; seq: number; statement: Json };
  audit_subjects: {
    tenant_id: string;
    id: string;
    subject: string;
    key: Buffer;
    created_at: Generated<Date>;
  };
}
