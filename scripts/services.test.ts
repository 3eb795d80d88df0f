import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { startPostgres, startRedis } from './services.ts';
import type { Missing, Service } from './services.ts';

const started: Service[] = [];

function use(service: Service | Missing): Service {
  if ('missing' in service) throw new Error(service.missing);
  started.push(service);
  return service;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

function ping(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (data) => resolve(socket.end() && data.toString()));
    socket.once('error', reject);
  });
}

afterEach(async () => {
  for (const service of started.splice(0)) await service.stop();
});

describe.skipIf(!process.env['TEST_DATABASE_URL'])('startPostgres', () => {
  test('starts a durable cluster of its own and leaves nothing behind', async () => {
    const service = use(await startPostgres());
    expect(service.port).toBeLessThan(32_768);
    const client = new pg.Client(service.url);
    await client.connect();
    const { rows } = await client.query('show fsync');
    await client.end();
    expect(rows).toEqual([{ fsync: 'on' }]);
    await service.stop();
    expect(isAlive(service.pid)).toBe(false);
    expect(existsSync(service.dataDir)).toBe(false);
  });
});

describe.skipIf(!process.env['TEST_REDIS_URL'])('startRedis', () => {
  test('can be killed and started again where it was', async () => {
    const first = use(await startRedis());
    expect(await ping(first.port)).toBe('+PONG\r\n');
    await first.stop();
    await expect(ping(first.port)).rejects.toThrow('ECONNREFUSED');
    const second = use(await startRedis({ port: first.port }));
    expect(await ping(second.port)).toBe('+PONG\r\n');
  });
});
