import { createRequire } from 'node:module';
import { Redis } from 'ioredis';
import pg from 'pg';

const PACKAGES = ['pg', 'undici', 'ioredis', 'socket.io', '@electric-sql/pglite', 'fastify'];

/** What the figures depend on beside our own code. */
export async function findVersions(
  postgresUrl: string | null,
  redisUrl: string | null,
): Promise<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const versions: Record<string, string> = { node: process.versions.node };
  for (const name of PACKAGES) {
    try {
      versions[name] = (require(`${name}/package.json`) as { version: string }).version;
    } catch {
      versions[name] = 'not installed';
    }
  }
  if (postgresUrl !== null) versions.postgresql = await postgresVersion(postgresUrl);
  if (redisUrl !== null) versions.redis = await redisVersion(redisUrl);
  return versions;
}

async function postgresVersion(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('show server_version');
  await client.end();
  return rows[0]!.server_version;
}

async function redisVersion(url: string): Promise<string> {
  const redis = new Redis(url);
  const info = await redis.info('server');
  redis.disconnect();
  return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
}
