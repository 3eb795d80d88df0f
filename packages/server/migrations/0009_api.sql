-- Rises with each change a client can ask for; an ETag begins with it.
alter table projects add column version integer not null default 1;
alter table agents add column version integer not null default 1;
alter table sessions add column version integer not null default 1;

-- What a tenant has switched; a flag without a row has its default.
create table feature_flags (
  tenant_id uuid not null references tenants(id) on delete cascade,
  version text not null,
  name text not null,
  enabled boolean not null,
  updated_by text not null,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, version, name)
);

-- Calls by day. Not truth but statistics: a killed server loses those of its last seconds.
create table api_usage (
  tenant_id uuid not null references tenants(id) on delete cascade,
  day date not null,
  version text not null,
  route text not null,
  principal text not null,
  count bigint not null,
  primary key (tenant_id, day, version, route, principal)
);
create index api_usage_age on api_usage (day);
