import type { Generated } from 'kysely';
import type { Tier } from './context.ts';
import type {
  AccountTables,
  ApiTables,
  AuditTables,
  CredentialTables,
  Json,
  JsonOrNull,
  LimitTables,
  LoginTables,
  OrNull,
  SecretTables,
  TeamTables,
  Time,
  TimeOrNull,
} from './table/index.ts';

export type SessionStatus = 'active' | 'completed' | 'failed' | 'interrupted';
export type RunStatus = 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled';
export type StepStatus = 'started' | 'waiting' | 'completed' | 'failed';
export type Role = 'user' | 'assistant' | 'system';

/** Row types of migrations/, for the query builder. bigint columns are read as numbers. */
export interface Tables
  extends
    AccountTables,
    ApiTables,
    AuditTables,
    CredentialTables,
    LimitTables,
    LoginTables,
    SecretTables,
    TeamTables {
  tenants: {
    id: string;
    name: string;
    tier: Generated<Tier>;
    /** Of the installation: the first one. */
    is_home: Generated<boolean>;
    version: Generated<number>;
    created_at: Time;
    updated_at: Time;
  };
  users: {
    id: string;
    name: string;
    email: string;
    email_verified: Generated<boolean>;
    locale: OrNull<string>;
    notifications: Json;
    version: Generated<number>;
    created_at: Time;
    updated_at: Time;
  };
  memberships: {
    tenant_id: string;
    user_id: string;
    role: 'owner' | 'admin' | 'member' | 'read_only';
    created_at: Time;
  };
  api_keys: {
    tenant_id: string;
    id: string;
    name: string;
    prefix: string;
    key_hash: string;
    scopes: string[];
    created_by: string;
    created_at: Time;
    expires_at: TimeOrNull;
    revoked_at: TimeOrNull;
    /** Of the secret before the last rotation. */
    previous_hash: OrNull<string>;
    previous_expires_at: TimeOrNull;
    rotations: Generated<number>;
    last_used_at: TimeOrNull;
  };
  projects: {
    tenant_id: string;
    id: string;
    name: string;
    metadata: Json;
    guest_access: Generated<boolean>;
    created_at: Time;
    version: Generated<number>;
    updated_at: Time;
  };
  agents: {
    tenant_id: string;
    id: string;
    project_id: string;
    name: string;
    instructions: string;
    model: string;
    tools: Json;
    budgets: Json;
    created_at: Time;
    version: Generated<number>;
    updated_at: Time;
  };
  sessions: {
    tenant_id: string;
    id: string;
    project_id: string;
    agent_id: OrNull<string>;
    kind: 'browser' | 'fleet' | 'chat' | 'swarm' | 'assistant';
    status: Generated<SessionStatus>;
    title: OrNull<string>;
    metadata: Json;
    run_policy: 'queue' | 'reject' | 'interrupt';
    executor: 'server' | 'external';
    message_count: Generated<number>;
    created_by: string;
    started_at: Time;
    completed_at: TimeOrNull;
    created_at: Time;
    updated_at: Time;
    version: Generated<number>;
    expires_at: TimeOrNull;
  };
  session_heads: {
    tenant_id: string;
    session_id: string;
    epoch: string;
    last_seq: Generated<number>;
    min_seq: Generated<number>;
  };
  events: {
    tenant_id: string;
    session_id: string;
    seq: number;
    type: string;
    actor: string;
    client_msg_id: string;
    data: Json;
    created_at: Time;
  };
  messages: {
    tenant_id: string;
    id: string;
    session_id: string;
    message_index: number;
    seq: number;
    role: Role;
    content: string;
    run_id: OrNull<string>;
    client_msg_id: OrNull<string>;
    metadata: Json;
    created_at: Time;
  };
  leases: {
    tenant_id: string;
    session_id: string;
    epoch: Generated<number>;
    holder: OrNull<string>;
    ttl_ms: Generated<number>;
    last_heartbeat: Time;
    last_progress_at: Time;
    stalled: Generated<boolean>;
  };
  runs: {
    tenant_id: string;
    id: string;
    session_id: string;
    agent_id: string;
    message_id: OrNull<string>;
    status: RunStatus;
    executor: 'server' | 'external';
    agent: Json;
    epoch: OrNull<number>;
    step_count: Generated<number>;
    input_tokens: Generated<number>;
    output_tokens: Generated<number>;
    recoveries: Generated<number>;
    error: JsonOrNull;
    cancel_reason: OrNull<string>;
    created_at: Time;
    started_at: TimeOrNull;
    ended_at: TimeOrNull;
  };
  steps: {
    tenant_id: string;
    run_id: string;
    step_index: number;
    session_id: string;
    kind: 'model' | 'tool';
    status: StepStatus;
    epoch: number;
    attempt: Generated<number>;
    message_id: OrNull<string>;
    name: string;
    call_id: OrNull<string>;
    policy: OrNull<string>;
    idempotency_key: string;
    input: JsonOrNull;
    output: JsonOrNull;
    input_tokens: Generated<number>;
    output_tokens: Generated<number>;
    deadline_at: TimeOrNull;
    started_at: Time;
    ended_at: TimeOrNull;
  };
  documents: {
    tenant_id: string;
    id: string;
    project_id: string;
    name: string;
    media_type: string;
    size_bytes: number;
    content_hash: string;
    content: string;
    created_at: Time;
    updated_at: Time;
  };
  document_chunks: {
    tenant_id: string;
    project_id: string;
    document_id: string;
    chunk_index: number;
    heading: string;
    line_start: number;
    content: string;
    tsv: Generated<string>;
  };
  idempotency_keys: {
    tenant_id: string;
    scope: string;
    key: string;
    fingerprint: string;
    status: OrNull<number>;
    body: OrNull<string>;
    created_at: Time;
  };
}
