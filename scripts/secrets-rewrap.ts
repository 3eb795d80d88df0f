/**
 * `npm run secrets:rewrap`: puts every tenant's secrets under the current key of SECRETS_KEYS or SECRETS_KEY_FILE.
 * It may be ended at any moment and run again. With PostgreSQL servers may run meanwhile; the embedded database
 * belongs to one process, so there the server is stopped first, or asked through its API.
 */
import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from '../packages/server/src/config.ts';
import { checkKeys, countOutdated, rewrapAll } from '../packages/server/src/features/secret/index.ts';
import { openDb } from '../packages/server/src/infra/db/index.ts';
import { createLogger } from '../packages/server/src/infra/observability/logger.ts';
import { loadKeyRing } from '../packages/server/src/infra/secret/index.ts';

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { batch: { type: 'string', default: '100' } } });
  const batch = Number(values.batch);
  if (!Number.isInteger(batch) || batch < 1 || batch > 10_000) {
    throw new Error('Holdfast: --batch is a whole number from 1 to 10000.');
  }
  const { secret, dataDir, database, log } = loadConfig();
  const keyRing = loadKeyRing({ ...secret, dataDir });
  const db = await openDb({ databaseUrl: database.url, dataDir });
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  try {
    const parts = { db, keyRing, logger: createLogger(log.level) };
    await checkKeys(parts);
    console.log(`${await countOutdated(parts)} version(s) to wrap with the key "${keyRing.currentId}" …`);
    const onBatch = (done: number): void => console.log(`${done} done`);
    const { rewrapped, failed } = await rewrapAll(parts, { batch, signal: stop.signal, onBatch });
    const left = await countOutdated(parts);
    console.log(`${rewrapped} wrapped anew, ${failed} failed, ${left} left.`);
    return left === 0 ? 0 : 1;
  } finally {
    await db.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const known =
    error instanceof ConfigError || (error instanceof Error && error.message.includes('Holdfast'));
  console.error(known ? (error as Error).message : error);
  process.exitCode = 1;
}
