-- The audit log: one hash chain for each tenant, and one for what happens before a tenant is known. No foreign key to
-- tenants: the record outlives what it is about.
create table audit_entries (
  tenant_id uuid not null,
  -- 1, 2, 3 ... without a gap.
  seq bigint not null check (seq > 0),
  id uuid not null,
  occurred_at timestamptz(3) not null,
  action text not null,
  outcome text not null check (outcome in ('success', 'denied', 'failure')),
  actor json not null,
  targets json not null,
  context json not null,
  diff json,
  schema_version smallint not null,
  -- SHA-256 in hex: of the entry before this one, and of the canonical form (RFC 8785) of this one.
  prev_hash text not null,
  hash text not null,
  primary key (tenant_id, seq)
);
create unique index audit_entries_id on audit_entries (tenant_id, id);
create index audit_entries_actor on audit_entries (tenant_id, (actor ->> 'id'), seq);
create index audit_entries_action on audit_entries (tenant_id, action text_pattern_ops, seq);
create index audit_entries_time on audit_entries (tenant_id, occurred_at);

-- The end of each chain, and the lock that lets one writer at a time add to it.
create table audit_heads (
  tenant_id uuid primary key,
  seq bigint not null,
  hash text not null
) with (fillfactor = 50);

-- Where a chain begins after its oldest entries were deleted: the last deleted one, signed.
create table audit_checkpoints (
  tenant_id uuid primary key,
  seq bigint not null,
  statement json not null
);

-- The keys that personal data in entries is encrypted with, one for each person. Deleting a row erases the person
-- from the log and leaves the chain whole. Entries name a person by id alone.
create table audit_subjects (
  tenant_id uuid not null,
  id uuid not null,
  subject text not null,
  key bytea not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, id)
);
create unique index audit_subjects_subject on audit_subjects (tenant_id, subject);

-- Entries go only when they are at or before a checkpoint, and only through the retention that set it.
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('holdfast.audit_retention', true) = 'on' then
    perform 1 from audit_checkpoints c where c.tenant_id = old.tenant_id and c.seq >= old.seq;
    if found then
      return old;
    end if;
  end if;
  raise exception '% is append-only: % is refused', tg_table_name, lower(tg_op)
    using errcode = 'insufficient_privilege';
end
$$;

create trigger audit_entries_append_only before update or delete on audit_entries
  for each row execute function refuse_audit_change();
create trigger audit_entries_no_truncate before truncate on audit_entries
  for each statement execute function refuse_audit_change();
create trigger audit_heads_no_delete before delete on audit_heads
  for each row execute function refuse_audit_change();
create trigger audit_heads_no_truncate before truncate on audit_heads
  for each statement execute function refuse_audit_change();

create function refuse_audit_rewind() returns trigger language plpgsql as $$
begin
  raise exception 'audit_heads only moves forward' using errcode = 'insufficient_privilege';
end
$$;

create trigger audit_heads_forward before update on audit_heads
  for each row when (new.seq < old.seq or new.tenant_id <> old.tenant_id) execute function refuse_audit_rewind();
