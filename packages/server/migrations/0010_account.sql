-- Users are of the installation, not of a tenant: these rows are keyed by user.
-- Of every secret only what checks it is kept: SHA-256 of random tokens and codes, the TOTP secret encrypted.

create table account_tokens (
  token_hash text primary key,
  user_id text not null references users(id) on delete cascade,
  purpose text not null check (purpose in ('verify_email', 'password_reset')),
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index account_tokens_user on account_tokens (user_id, purpose);
create index account_tokens_expiry on account_tokens (expires_at);

-- id is another one after each set-up, so that a code of an earlier secret proves nothing about a later one.
-- last_step is the newest 30 s step whose code was accepted: it and older ones are never accepted again.
create table two_factors (
  user_id text primary key references users(id) on delete cascade,
  id uuid not null unique,
  sealed_secret text not null,
  last_step bigint,
  created_at timestamptz not null default clock_timestamp(),
  enabled_at timestamptz
);

create table backup_codes (
  user_id text not null references two_factors(user_id) on delete cascade,
  code_hash text not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);

-- tenant_id is the team that the login named, if it named one.
create table two_factor_challenges (
  token_hash text primary key,
  user_id text not null references users(id) on delete cascade,
  tenant_id uuid,
  attempts integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  used_at timestamptz
);
create index two_factor_challenges_user on two_factor_challenges (user_id);
create index two_factor_challenges_expiry on two_factor_challenges (expires_at);
