import type { Generated } from 'kysely';
import type { Json, OrNull, Time, TimeOrNull } from './column.ts';

/** Tables of teams and their mail. */
export interface TeamTables {
  invitations: {
    tenant_id: string;
    id: string;
    /** In lower case. */
    email: string;
    role: 'owner' | 'admin' | 'member' | 'read_only';
    token_hash: string;
    /** Id of a user. */
    invited_by: string;
    created_at: Time;
    expires_at: Time;
    accepted_at: TimeOrNull;
    accepted_by: OrNull<string>;
    revoked_at: TimeOrNull;
  };
  emails: {
    tenant_id: string;
    id: string;
    recipient: string;
    template: string;
    variables: Json;
    status: Generated<'queued' | 'sending' | 'sent' | 'failed'>;
    attempts: Generated<number>;
    next_attempt_at: Time;
    expires_at: Time;
    message_id: OrNull<string>;
    provider_id: OrNull<string>;
    error: OrNull<string>;
    created_at: Time;
    sent_at: TimeOrNull;
  };
}
