import type { Time } from './column.ts';

/** Tables of API keys, signed services and guests. */
export interface CredentialTables {
  external_users: {
    tenant_id: string;
    /** Name of the signed service. */
    service: string;
    external_id: string;
    user_id: string;
    created_at: Time;
  };
  seen_signatures: { tenant_id: string; signature: string; expires_at: Date };
  guest_sessions: {
    tenant_id: string;
    id: string;
    project_id: string;
    /** SHA-256, hex. */
    secret_hash: string;
    created_at: Date;
    last_seen_at: Date;
    /** Moves with each use, never past `ends_at`. */
    expires_at: Date;
    ends_at: Date;
  };
}
