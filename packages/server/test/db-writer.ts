import { sql } from 'kysely';
import { openDb } from '../src/infra/db/index.ts';

/** Child process: writes rows for ever and says the number of each one that is committed. */
const [, , databaseUrl, dataDir, firstText] = process.argv;
const db = await openDb({ dataDir: dataDir || null, databaseUrl: databaseUrl || undefined });
await sql`create table if not exists written (n int primary key, pad text)`.execute(db.kysely);
process.stdout.write('ready\n');
for (let n = Number(firstText); ; n += 1) {
  const pad = 'x'.repeat(n % 3000);
  if (n % 3 === 0) {
    await db.transaction(async (tx) => {
      await sql`insert into written values (${n}, ${pad})`.execute(tx.kysely);
      await sql`update written set pad = ${`${pad}y`} where n = ${n}`.execute(tx.kysely);
    });
  } else await sql`insert into written values (${n}, ${pad})`.execute(db.kysely);
  process.stdout.write(`${n}\n`);
}
