import type { Generated } from 'kysely';
import type { OrNull, Time, TimeOrNull } from './column.ts';

/** Tables of tenant secrets, and of the keys that protect them. */
export interface SecretTables {
  secrets: {
    tenant_id: string;
    id: string;
    name: string;
    kind: 'model_key' | 'tool_credential' | 'webhook_secret' | 'other';
    description: string;
    /** The highest number given to a version. */
    latest_version: number;
    created_by: string;
    created_at: Time;
    updated_at: Time;
    last_accessed_at: TimeOrNull;
    expires_at: TimeOrNull;
    announced_days: OrNull<number>;
  };
  secret_versions: {
    tenant_id: string;
    secret_id: string;
    version: number;
    /** The key-encryption key that wraps the DEK. */
    key_id: string;
    wrapped_dek: Buffer;
    ciphertext: Buffer;
    last4: OrNull<string>;
    created_by: string;
    created_at: Time;
    disabled_at: TimeOrNull;
  };
  secret_accesses: {
    tenant_id: string;
    id: string;
    secret_id: string;
    secret_name: string;
    version: OrNull<number>;
    outcome: 'granted' | 'expired' | 'disabled';
    actor: string;
    purpose: string;
    run_id: OrNull<string>;
    accessed_at: Time;
  };
  secret_canaries: { key_id: string; sealed: Buffer; created_at: Time };
  secret_rewraps: {
    id: string;
    tenant_id: string;
    key_id: string;
    status: 'running' | 'completed' | 'failed';
    rewrapped: Generated<number>;
    failed: Generated<number>;
    requested_by: string;
    started_at: Time;
    ended_at: TimeOrNull;
  };
}
