import type { Db, LimitCount, LimitStore, Statement } from '../../core/ports.ts';
import { digestSubject } from './digest.ts';

export interface DatabaseStoreOptions {
  db: Db;
  /** Microseconds since 1970, for tests; the database's clock otherwise. */
  nowUs?: () => number;
}

interface Row {
  taken: boolean;
  decided_at: number;
  burst_back: number;
  minute_end: number;
  minute_used: number;
  hour_end: number;
  hour_used: number;
  day_end: number;
  day_used: number;
}

/** End and uses of an open window; both 0 when it has ended. */
const open = (name: string): string => `
    case when c.${name}_end > t.now then c.${name}_end else 0 end as ${name}_end,
    case when c.${name}_end > t.now then c.${name}_used else 0 end as ${name}_used`;

/** The columns of a window after the decision. @param limit parameter with its limit, or null */
const close = (name: string, limit: string, us: number): string => `
    case when not d.taken or ${limit}::int is null or $2::int = 0 then w.${name}_end
      when w.${name}_end = 0 then w.now + ${us} else w.${name}_end end,
    case when d.taken and ${limit}::int is not null then w.${name}_used + $2::int else w.${name}_used end`;

const NOW = `coalesce($8::bigint, (extract(epoch from clock_timestamp()) * 1000000)::bigint)`;

/** $1 key, $2 cost, $3 burst, $4 its interval, $5 $6 $7 limits of the windows, $8 time. See meter.ts. */
const decideFrom = (meter: string): string => `
  select w.now + case when d.taken then w.owed + $2::int * $4::bigint else w.owed end, $4::bigint,
    ${close('minute', '$5', 60_000_000)}, ${close('hour', '$6', 3_600_000_000)},
    ${close('day', '$7', 86_400_000_000)}, d.taken, w.now
  from (select t.now,
      case when c.burst_interval in (0, $4::bigint) then greatest(0, c.burst_back - t.now)
        else floor(greatest(0, c.burst_back - t.now)::float8 * $4::bigint / c.burst_interval)::bigint end as owed,
      ${open('minute')}, ${open('hour')}, ${open('day')}
    from (select ${NOW} as now) t, ${meter}) w,
  lateral (select
    ($3::int is null or w.owed + $2::int * $4::bigint <= $3::int * $4::bigint)
    and ($5::int is null or w.minute_used + $2::int <= $5::int)
    and ($6::int is null or w.hour_used + $2::int <= $6::int)
    and ($7::int is null or w.day_used + $2::int <= $7::int) as taken) d`;

const COLUMNS =
  'burst_back, burst_interval, minute_end, minute_used, hour_end, hour_used, day_end, day_used, taken, decided_at';

const NONE = `(select 0::bigint as burst_back, 0::bigint as burst_interval, 0::bigint as minute_end,
  0 as minute_used, 0::bigint as hour_end, 0 as hour_used, 0::bigint as day_end, 0 as day_used) c`;

const EXISTING = '(select m.*) c';

/** The row's lock makes decisions about one subject follow each other, whichever server asks. */
const TAKE: Statement = {
  name: 'limit_take',
  text: `insert into limit_counters as m (key, ${COLUMNS})
    select $1, f.* from (${decideFrom(NONE)}) f
    on conflict (key) do update set (${COLUMNS}) = (${decideFrom(EXISTING)})
    returning ${COLUMNS}`,
};

const FORGET: Statement = { name: 'limit_forget', text: 'delete from limit_counters where key = $1' };

const PURGE: Statement = {
  name: 'limit_purge',
  text: `delete from limit_counters
    where greatest(burst_back, minute_end, hour_end, day_end) < coalesce($1::bigint,
      (extract(epoch from clock_timestamp()) * 1000000)::bigint)
    returning 1`,
};

/** Counts in PostgreSQL: exact over all servers, one statement for each decision. */
export function createDatabaseStore({ db, nowUs }: DatabaseStoreOptions): LimitStore {
  return {
    engine: 'database',
    async take({ policy, subject, rules, cost }) {
      const { burst, windows } = rules;
      const key = digestSubject(policy, subject);
      const rate = [burst?.size ?? null, burst?.intervalUs ?? 0];
      const [row] = await db.query<Row>(TAKE, [key, cost, ...rate, ...windows, nowUs?.() ?? null]);
      return toCount(row!);
    },
    async forget(policy, subject) {
      await db.query(FORGET, [digestSubject(policy, subject)]);
    },
    async purge() {
      return (await db.query(PURGE, [nowUs?.() ?? null])).length;
    },
    close: async () => {},
  };
}

function toCount(row: Row): LimitCount {
  return {
    taken: row.taken,
    nowUs: row.decided_at,
    windows: [
      { endUs: row.minute_end, used: row.minute_used },
      { endUs: row.hour_end, used: row.hour_used },
      { endUs: row.day_end, used: row.day_used },
    ],
    burstBackUs: row.burst_back,
  };
}
