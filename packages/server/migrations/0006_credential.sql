-- What a key had before it was rotated, for as long as that is still taken. Like key_hash it is looked up
-- before the tenant is known; a signed request and a guest's id are the other two.
alter table api_keys add column previous_hash text unique;
alter table api_keys add column previous_expires_at timestamptz;
alter table api_keys add column rotations integer not null default 0;
alter table api_keys add column last_used_at timestamptz;

alter table projects add column guest_access boolean not null default false;

-- Users of a signed service: its own names for them, and the user made for each at first sight.
create table external_users (
  tenant_id uuid not null references tenants(id) on delete cascade,
  service text not null,
  external_id text not null,
  user_id text not null unique references users(id) on delete cascade deferrable initially deferred,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, service, external_id)
);

-- Signatures of requests that change something, kept until they are too old to be taken anyway.
create table seen_signatures (
  tenant_id uuid not null references tenants(id) on delete cascade,
  signature text not null,
  expires_at timestamptz not null,
  primary key (tenant_id, signature)
);
create index seen_signatures_expiry on seen_signatures (expires_at);

create table guest_sessions (
  tenant_id uuid not null,
  id uuid not null unique,
  project_id uuid not null,
  secret_hash text not null,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at timestamptz not null,
  ends_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, project_id) references projects (tenant_id, id) on delete cascade
);
create index guest_sessions_project on guest_sessions (tenant_id, project_id, id);
create index guest_sessions_expiry on guest_sessions (expires_at);
-- A guest names a project before any tenant is known.
create unique index projects_guest on projects (id) where guest_access;
