-- Tenant secrets. The database holds cipher text alone: each version is encrypted with a key of its own (its DEK),
-- and that key is wrapped by one of the installation's key-encryption keys, which are never stored here.

create table secrets (
  tenant_id uuid not null references tenants(id) on delete cascade,
  id uuid not null,
  name text not null,
  kind text not null check (kind in ('model_key', 'tool_credential', 'webhook_secret', 'other')),
  description text not null default '',
  -- The highest number given to a version; versions count 1, 2, 3 without reuse.
  latest_version integer not null,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  last_accessed_at timestamptz,
  expires_at timestamptz,
  -- The smallest number of days before expires_at that was announced; null again when expires_at changes.
  announced_days integer,
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
-- The hourly search for expiring secrets goes over all tenants.
create index secrets_expiring on secrets (expires_at) where expires_at is not null;

create table secret_versions (
  tenant_id uuid not null,
  secret_id uuid not null,
  version integer not null,
  key_id text not null,
  wrapped_dek bytea not null,
  ciphertext bytea not null,
  last4 text,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  disabled_at timestamptz,
  primary key (tenant_id, secret_id, version),
  foreign key (tenant_id, secret_id) references secrets (tenant_id, id) on delete cascade
);

-- One row for each use of a value. No foreign key to secrets: the record outlives what it is about.
create table secret_accesses (
  tenant_id uuid not null references tenants(id) on delete cascade,
  id uuid not null,
  secret_id uuid not null,
  secret_name text not null,
  version integer,
  outcome text not null check (outcome in ('granted', 'expired', 'disabled')),
  actor text not null,
  purpose text not null,
  run_id uuid,
  accessed_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id)
);
create index secret_accesses_secret on secret_accesses (tenant_id, secret_id, id);

-- The two tables below are the installation's, not a tenant's: they are about its key-encryption keys.

-- A known text under each key-encryption key that was ever used: tells a wrong key at the start of a server.
create table secret_canaries (
  key_id text primary key,
  sealed bytea not null,
  created_at timestamptz not null default clock_timestamp()
);

create table secret_rewraps (
  id uuid primary key,
  tenant_id uuid not null,
  key_id text not null,
  status text not null check (status in ('running', 'completed', 'failed')),
  rewrapped integer not null default 0,
  failed integer not null default 0,
  requested_by text not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz
);
create unique index secret_rewraps_running on secret_rewraps (status) where status = 'running';
