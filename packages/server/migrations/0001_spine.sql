-- tenant_id leads every key, so that one tenant's rows can live on one node of a distributed PostgreSQL.

create table tenants (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null default clock_timestamp()
);

-- Account tables in the shape better-auth expects (see docs/decisions/0006).
create table users (
  id text primary key,
  name text not null,
  email text not null unique,
  email_verified boolean not null default false,
  image text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);
create table user_accounts (
  id text primary key,
  user_id text not null references users(id) on delete cascade,
  account_id text not null,
  provider_id text not null,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz,
  refresh_token_expires_at timestamptz,
  scope text,
  password text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (provider_id, account_id)
);
create index user_accounts_user on user_accounts (user_id);
create table user_sessions (
  id text primary key,
  user_id text not null references users(id) on delete cascade,
  token text not null unique,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);
create index user_sessions_user on user_sessions (user_id);
create table user_verifications (
  id text primary key,
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);
create index user_verifications_identifier on user_verifications (identifier);

create table memberships (
  tenant_id uuid not null references tenants(id) on delete cascade,
  user_id text not null references users(id) on delete cascade,
  role text not null check (role in ('owner', 'admin', 'member', 'read_only')),
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, user_id)
);
create index memberships_user on memberships (user_id);

create table api_keys (
  tenant_id uuid not null references tenants(id) on delete cascade,
  id uuid not null,
  name text not null,
  prefix text not null,
  key_hash text not null unique,
  scopes text[] not null,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz,
  revoked_at timestamptz,
  primary key (tenant_id, id)
);

create table projects (
  tenant_id uuid not null references tenants(id) on delete cascade,
  id uuid not null,
  name text not null,
  metadata json not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id)
);

create table agents (
  tenant_id uuid not null,
  id uuid not null,
  project_id uuid not null,
  name text not null,
  instructions text not null default '',
  model text not null,
  tools json not null default '[]',
  budgets json not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  foreign key (tenant_id, project_id) references projects (tenant_id, id) on delete cascade
);
create index agents_project on agents (tenant_id, project_id, id);

create table sessions (
  tenant_id uuid not null,
  id uuid not null,
  project_id uuid not null,
  agent_id uuid,
  kind text not null check (kind in ('browser', 'fleet', 'chat', 'swarm', 'assistant')),
  status text not null default 'active',
  title text,
  metadata json not null default '{}',
  run_policy text not null default 'queue' check (run_policy in ('queue', 'reject', 'interrupt')),
  executor text not null default 'server' check (executor in ('server', 'external')),
  message_count integer not null default 0,
  created_by text not null,
  started_at timestamptz not null default clock_timestamp(),
  completed_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, project_id) references projects (tenant_id, id) on delete cascade,
  foreign key (tenant_id, agent_id) references agents (tenant_id, id),
  constraint sessions_status check (
    case kind
      when 'fleet' then status in ('active', 'paused', 'completed', 'failed', 'stalled')
      else status in ('active', 'completed', 'failed', 'interrupted')
    end
  )
) with (fillfactor = 80);
create index sessions_project on sessions (tenant_id, project_id, id);

create table session_heads (
  tenant_id uuid not null,
  session_id uuid not null,
  epoch text not null,
  last_seq bigint not null default 0,
  min_seq bigint not null default 1,
  primary key (tenant_id, session_id)
) with (fillfactor = 40);

create table events (
  tenant_id uuid not null,
  session_id uuid not null,
  seq bigint not null,
  type text not null,
  actor text not null,
  client_msg_id text not null,
  data json not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, session_id, seq)
);
create unique index events_client_msg on events (tenant_id, session_id, client_msg_id);

create table messages (
  tenant_id uuid not null,
  id uuid not null,
  session_id uuid not null,
  message_index integer not null,
  seq bigint not null,
  role text not null check (role in ('user', 'assistant', 'system')),
  content text not null,
  run_id uuid,
  client_msg_id text,
  metadata json not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, session_id, message_index)
);
create unique index messages_client_msg on messages (tenant_id, session_id, client_msg_id);

-- No index on last_heartbeat: it would make every heartbeat a non-HOT update.
create table leases (
  tenant_id uuid not null,
  session_id uuid not null,
  epoch bigint not null default 0,
  holder text,
  ttl_ms integer not null default 15000,
  last_heartbeat timestamptz not null default clock_timestamp(),
  last_progress_at timestamptz not null default clock_timestamp(),
  stalled boolean not null default false,
  primary key (tenant_id, session_id)
) with (fillfactor = 70);

create table runs (
  tenant_id uuid not null,
  id uuid not null,
  session_id uuid not null,
  agent_id uuid not null,
  message_id uuid,
  status text not null check (status in ('queued', 'running', 'waiting', 'completed', 'failed', 'cancelled')),
  executor text not null check (executor in ('server', 'external')),
  agent json not null,
  epoch bigint,
  step_count integer not null default 0,
  input_tokens integer not null default 0,
  output_tokens integer not null default 0,
  recoveries integer not null default 0,
  error json,
  cancel_reason text,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  ended_at timestamptz,
  primary key (tenant_id, id),
  foreign key (tenant_id, session_id) references sessions (tenant_id, id) on delete cascade
) with (fillfactor = 70);
create index runs_session on runs (tenant_id, session_id, id);
create index runs_unfinished on runs (tenant_id, session_id, id) where ended_at is null;
create unique index runs_one_active on runs (tenant_id, session_id) where ended_at is null and started_at is not null;

create table steps (
  tenant_id uuid not null,
  run_id uuid not null,
  step_index integer not null,
  session_id uuid not null,
  kind text not null check (kind in ('model', 'tool')),
  status text not null check (status in ('started', 'waiting', 'completed', 'failed')),
  epoch bigint not null,
  attempt integer not null default 1,
  message_id uuid,
  name text not null,
  call_id text,
  policy text,
  idempotency_key text not null,
  input json,
  output json,
  input_tokens integer not null default 0,
  output_tokens integer not null default 0,
  deadline_at timestamptz,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  primary key (tenant_id, run_id, step_index)
) with (fillfactor = 70);
create index steps_waiting on steps (deadline_at) where status = 'waiting';

create table documents (
  tenant_id uuid not null,
  id uuid not null,
  project_id uuid not null,
  name text not null,
  media_type text not null,
  size_bytes integer not null,
  content_hash text not null,
  content text not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id),
  unique (tenant_id, project_id, name),
  foreign key (tenant_id, project_id) references projects (tenant_id, id) on delete cascade
);

create table document_chunks (
  tenant_id uuid not null,
  project_id uuid not null,
  document_id uuid not null,
  chunk_index integer not null,
  heading text not null default '',
  line_start integer not null,
  content text not null,
  tsv tsvector generated always as (
    setweight(to_tsvector('english', heading), 'A') ||
    setweight(to_tsvector('english', content), 'B') ||
    to_tsvector('simple', content)
  ) stored,
  primary key (tenant_id, document_id, chunk_index),
  foreign key (tenant_id, document_id) references documents (tenant_id, id) on delete cascade
);
create index document_chunks_tsv on document_chunks using gin (tsv);

create table idempotency_keys (
  tenant_id uuid not null,
  scope text not null,
  key text not null,
  fingerprint text not null,
  status integer,
  body text,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, scope, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);
