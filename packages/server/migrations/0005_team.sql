alter table tenants add column updated_at timestamptz not null default clock_timestamp();
alter table tenants add column version integer not null default 1;

-- locale: a BCP 47 tag, null while the user has not chosen. notifications: only what differs from the default.
alter table users add column locale text;
alter table users add column notifications json not null default '{}';
alter table users add column version integer not null default 1;

-- The token is looked up before its tenant is known, so its hash alone is a key.
create table invitations (
  tenant_id uuid not null references tenants(id) on delete cascade,
  id uuid not null,
  email text not null,
  role text not null check (role in ('owner', 'admin', 'member', 'read_only')),
  token_hash text not null unique,
  invited_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by text,
  revoked_at timestamptz,
  primary key (tenant_id, id)
);
create unique index invitations_open on invitations (tenant_id, email)
  where accepted_at is null and revoked_at is null;

-- No foreign key: the mails of a user without any team belong to the system tenant, which is no row.
-- next_attempt_at of a mail that is being sent is when another server may take it over.
create table emails (
  tenant_id uuid not null,
  id uuid not null,
  recipient text not null,
  template text not null,
  variables json not null,
  status text not null default 'queued' check (status in ('queued', 'sending', 'sent', 'failed')),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  message_id text,
  provider_id text,
  error text,
  created_at timestamptz not null default clock_timestamp(),
  sent_at timestamptz,
  primary key (tenant_id, id)
);
create index emails_due on emails (next_attempt_at) where status in ('queued', 'sending');
create index emails_expiry on emails (expires_at) where status in ('queued', 'sending');
