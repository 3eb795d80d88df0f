import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findFreePort } from '../child-process.ts';
import { startPostgres, startRedis, type Missing, type Service } from '../services.ts';
import { readCredentials, ServerProcess } from './server-process.ts';

const missing = !process.env['TEST_DATABASE_URL'] || !process.env['TEST_REDIS_URL'];
const EMAIL = 'owner@holdfast.local';
const PASSWORD = 'two-servers-password';
const PROJECTS = '/api/v1/projects?limit=1';

function found(service: Service | Missing): Service {
  if ('missing' in service) throw new Error(service.missing);
  return service;
}

describe.skipIf(missing).each(['database', 'redis'])(
  'two servers that count in %s',
  { timeout: 60_000 },
  (engine) => {
    let folder: string;
    let postgres: Service;
    let redis: Service;
    let servers: ServerProcess[] = [];
    let apiKey: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'holdfast-limits-'));
      [postgres, redis] = (await Promise.all([startPostgres(), startRedis()])).map(found) as [
        Service,
        Service,
      ];
      const env = {
        NODE_ENV: 'test',
        LOG_LEVEL: 'warn',
        DATABASE_URL: postgres.url,
        REDIS_URL: engine === 'redis' ? redis.url : '',
        LIMIT_ENGINE: 'auto',
        RATE_LIMITS: '{"platform":{"minute":10}}',
        JWT_SECRET: 'one secret that both of the servers share',
        ADMIN_EMAIL: EMAIL,
        ADMIN_PASSWORD: PASSWORD,
        DATA_DIR: join(folder, 'data'),
      };
      servers = await Promise.all(
        [1, 2].map(async () => new ServerProcess({ port: await findFreePort(), env })),
      );
      for (const server of servers) await server.start();
      apiKey = readCredentials(servers[0]!.output)!.apiKey;
    });

    afterAll(async () => {
      await Promise.all(servers.map((server) => server.kill()));
      await Promise.all([postgres?.stop(), redis?.stop()]);
      await rm(folder, { recursive: true, force: true });
    });

    const get = (server: ServerProcess, token = apiKey) =>
      fetch(server.url + PROJECTS, { headers: { authorization: `Bearer ${token}` } });

    test('100 requests at once over both, against a limit of 10: exactly 10 succeed', async () => {
      const all = Array.from({ length: 100 }, (_, index) => get(servers[index % 2]!));
      const statuses = (await Promise.all(all)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(10);
      expect(statuses.filter((status) => status === 429)).toHaveLength(90);
    });

    test('an override set at one is in force at the other within five seconds', async () => {
      const [one, other] = servers as [ServerProcess, ServerProcess];
      const json = { 'content-type': 'application/json' };
      const login = await fetch(`${one.url}/api/v1/auth/login`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ email: EMAIL, password: PASSWORD }),
      });
      const { accessToken } = ((await login.json()) as { data: { accessToken: string } }).data;
      const headers = { ...json, authorization: `Bearer ${accessToken}` };
      const before = await get(other, accessToken);
      expect(before.headers.get('x-ratelimit-limit')).toBe('10');
      const set = await fetch(`${one.url}/api/v1/admin/rate-limits/platform`, {
        method: 'PUT',
        headers,
        body: JSON.stringify({ minute: 40, reason: 'a test' }),
      });
      expect(set.status).toBe(200);
      const began = performance.now();
      await expect.poll(async () => (await get(other)).status, { timeout: 5000, interval: 50 }).toBe(200);
      expect(performance.now() - began).toBeLessThan(5000);
      expect((await get(one)).headers.get('x-ratelimit-limit')).toBe('40');
    });
  },
);
