import type { Generated } from 'kysely';
import type { OrNull, Time, TimeOrNull } from './column.ts';

/** Tables of mailed links and second factors. They belong to users, who are of no tenant. */
export interface AccountTables {
  account_tokens: {
    token_hash: string;
    user_id: string;
    purpose: 'verify_email' | 'password_reset';
    created_at: Time;
    expires_at: Date;
    used_at: TimeOrNull;
  };
  two_factors: {
    user_id: string;
    id: string;
    sealed_secret: string;
    last_step: OrNull<number>;
    created_at: Time;
    enabled_at: TimeOrNull;
  };
  backup_codes: { user_id: string; code_hash: string; used_at: TimeOrNull };
  two_factor_challenges: {
    token_hash: string;
    user_id: string;
    tenant_id: OrNull<string>;
    attempts: Generated<number>;
    created_at: Time;
    expires_at: Date;
    used_at: TimeOrNull;
  };
}
