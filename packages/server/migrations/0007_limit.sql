-- Rate limits. The counters are many subjects' (addresses too), so their key is a digest of policy, tenant and
-- subject. They live for a day at most: unlogged, as a crash may forget them. Times are microseconds since 1970.
create unlogged table limit_counters (
  key text primary key,
  burst_back bigint not null,
  burst_interval bigint not null,
  minute_end bigint not null,
  minute_used integer not null,
  hour_end bigint not null,
  hour_used integer not null,
  day_end bigint not null,
  day_used integer not null,
  taken boolean not null,
  decided_at bigint not null
) with (fillfactor = 50);

-- No reference to tenants: what concerns addresses is kept under the nil tenant.
create table limit_overrides (
  tenant_id uuid not null,
  id uuid not null,
  policy text not null,
  -- '' for all subjects of the tenant.
  subject text not null,
  -- Null for no limit.
  allowance json,
  reason text not null,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, policy, subject)
);

create table limit_blocks (
  tenant_id uuid not null,
  policy text not null,
  subject text not null,
  -- How many blocks in a row, each twice as long as the one before.
  level integer not null,
  blocked_at timestamptz not null,
  blocked_until timestamptz not null,
  primary key (tenant_id, policy, subject)
);
