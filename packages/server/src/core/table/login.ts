import type { OrNull, TimeOrNull } from './column.ts';

/** Tables of logins and of the keys that sign their tokens. */
export interface LoginTables {
  /** A row is one login of one user. */
  user_sessions: {
    id: string;
    user_id: string;
    /** The team chosen last. */
    tenant_id: string;
    ip_address: OrNull<string>;
    user_agent: OrNull<string>;
    created_at: Date;
    last_seen_at: Date;
    expires_at: Date;
    revoked_at: TimeOrNull;
  };
  /** All refresh tokens of a login; the one without `used_at` is current. */
  refresh_tokens: {
    /** SHA-256, hex. */
    token_hash: string;
    login_id: string;
    created_at: Date;
    used_at: TimeOrNull;
    /** Base64url; makes the successor of a token once more. */
    salt: OrNull<string>;
  };
  /** `retires_at` null signs, later than now only verifies, else is retired. */
  signing_keys: { kid: string; created_at: Date; created_by: string; retires_at: TimeOrNull };
}
