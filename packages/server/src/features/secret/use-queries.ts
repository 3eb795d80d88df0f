import type { Queryable, Statement } from '../../core/ports.ts';
import type { Tables } from '../../core/tables.ts';
import type { Envelope } from './envelope.ts';

export interface UseRow extends Envelope {
  id: string;
  expires_at: Date | null;
  version: number | null;
  outcome: Tables['secret_accesses']['outcome'];
}

/** One statement, so that no value leaves the database whose use is not on record. */
const USE: Statement = {
  name: 'secret_use',
  text: `
    with found as (
      select s.id, s.name, s.expires_at, v.version, v.key_id, v.wrapped_dek, v.ciphertext,
        case when s.expires_at <= $5::timestamptz then 'expired'
             when v.version is null then 'disabled'
             else 'granted' end as outcome
      from secrets s
      left join lateral (
        select version, key_id, wrapped_dek, ciphertext
        from secret_versions
        where tenant_id = s.tenant_id and secret_id = s.id and disabled_at is null
          and ($4::integer is null or version = $4::integer)
        order by version desc limit 1
      ) v on true
      where s.tenant_id = $1::uuid and s.name = $2::text and ($3::text is null or s.kind = $3::text)
    ), noted as (
      insert into secret_accesses
        (tenant_id, id, secret_id, secret_name, version, outcome, actor, purpose, run_id)
      select $1::uuid, $6::uuid, id, name, version, outcome, $7::text, $8::text, $9::uuid from found
    ), touched as (
      update secrets set last_accessed_at = clock_timestamp()
      from found
      where secrets.tenant_id = $1::uuid and secrets.id = found.id and found.outcome = 'granted'
    )
    select id, expires_at, version, outcome, key_id, wrapped_dek, ciphertext from found`,
};

export interface RecordedUse {
  tenantId: string;
  name: string;
  kind: string | null;
  version: number | null;
  now: Date;
  accessId: string;
  actor: string;
  purpose: string;
  runId: string | null;
}

/** Finds what a use needs and records it. @returns null when the tenant has no such secret; nothing is recorded then */
export async function recordUse(db: Queryable, use: RecordedUse): Promise<UseRow | null> {
  const { tenantId, name, kind, version, now, accessId, actor, purpose, runId } = use;
  const rows = await db.query<UseRow>(USE, [
    tenantId,
    name,
    kind,
    version,
    now,
    accessId,
    actor,
    purpose,
    runId,
  ]);
  return rows[0] ?? null;
}
