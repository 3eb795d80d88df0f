-- The first tenant is the home of the installation: its owners operate what belongs to no tenant.
alter table tenants add column is_home boolean not null default false;
create unique index tenants_home on tenants (is_home) where is_home;
update tenants set is_home = true where id = (select id from tenants order by created_at, id limit 1);

-- Keys are derived from the installation's secret and the kid, so no row here lets anybody sign.
-- retires_at null: the one that signs; later than now: only verifies; else retired.
create table signing_keys (
  kid uuid primary key,
  created_at timestamptz not null,
  created_by text not null,
  retires_at timestamptz
);
create unique index signing_keys_active on signing_keys ((retires_at is null)) where retires_at is null;

-- One row is one login of one user. Users are of the installation, so the row is keyed by its id; the tenant is
-- the team chosen last, which the next refresh gives a token for. The library's plain-text token is not kept.
delete from user_sessions;
alter table user_sessions drop column token;
alter table user_sessions drop column updated_at;
alter table user_sessions alter column created_at drop default;
alter table user_sessions add column tenant_id uuid not null references tenants(id) on delete cascade;
alter table user_sessions add column last_seen_at timestamptz not null;
alter table user_sessions add column revoked_at timestamptz;
alter table user_sessions set (fillfactor = 80);
create index user_sessions_expiry on user_sessions (expires_at);
create index user_sessions_tenant on user_sessions (tenant_id);

-- Every refresh token a login ever had, as SHA-256, until the login goes: an old one that comes back is a theft.
-- salt makes the same successor again for a client that lost the answer; it goes when the successor is used.
create table refresh_tokens (
  token_hash text primary key,
  login_id text not null references user_sessions(id) on delete cascade,
  created_at timestamptz not null,
  used_at timestamptz,
  salt text
);
create index refresh_tokens_login on refresh_tokens (login_id);
