import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { findFreePort, launch, stopProcess } from './child-process.ts';

export interface TestServer {
  url: string;
  apiKey: string;
  /** Of a second tenant. */
  otherApiKey: string;
  email: string;
  password: string;
  fleetKey: string;
  /** Of the chat service. */
  hmacSecret: string;
  stop(): Promise<void>;
}

const MAIN = 'packages/server/src/main.ts';
const SEED = 'scripts/seed-tenants.ts';
const SERVER_LOG = 'test-results/server.log';
const HEALTHY_TIMEOUT_MS = 30_000;
const keysSchema = z.object({ apiKey: z.string(), otherApiKey: z.string() });

/** Short waits, so that a suite sees dead holders and keep-alives within seconds. */
const QUICK = {
  LEASE_TTL_MS: '3000',
  LEASE_SCAN_INTERVAL_MS: '500',
  SSE_KEEPALIVE_MS: '1000',
  LOG_LEVEL: 'warn',
  DASHBOARD: 'false',
  REGISTRATION: 'open',
  // The suite is one busy client; what it tests of limits it sets itself.
  RATE_LIMITS: '{"*":{"minute":1000000}}',
  TRUSTED_PROXIES: '127.0.0.1',
};

async function waitUntilHealthy(url: string): Promise<void> {
  const deadline = performance.now() + HEALTHY_TIMEOUT_MS;
  for (;;) {
    const healthy = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    );
    if (healthy) return;
    if (performance.now() > deadline)
      throw new Error(`${url}/health was not well within ${HEALTHY_TIMEOUT_MS} ms`);
    await pause(50);
  }
}

async function seedTenants(env: NodeJS.ProcessEnv): Promise<z.infer<typeof keysSchema>> {
  const { stdout } = await promisify(execFile)(process.execPath, [SEED], { env });
  return keysSchema.parse(JSON.parse(stdout));
}

/** Starts this repository's server on an empty database that has an owner and two tenants. */
export async function startTestServer(settings: Record<string, string> = {}): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'holdfast-server-'));
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const email = 'owner@holdfast.local';
  const password = randomBytes(12).toString('base64url');
  const login = { ADMIN_EMAIL: email, ADMIN_PASSWORD: password };
  const [fleetKey, hmacSecret] = [randomUUID(), randomBytes(32).toString('base64url')];
  const shared = { API_KEYS: fleetKey, CHAT_HMAC_SECRET: hmacSecret };
  const place = { HOST: '127.0.0.1', PORT: String(port), DATA_DIR: dataDir };
  const env = { ...process.env, ...QUICK, ...settings, ...login, ...shared, ...place };
  const remove = (): Promise<void> => rm(dataDir, { recursive: true, force: true });
  try {
    mkdirSync(dirname(SERVER_LOG), { recursive: true });
    const keys = await seedTenants(env);
    const child = await launch({
      command: process.execPath,
      args: [MAIN],
      ready: /is ready at/,
      options: { env },
      // What the server says is kept for whoever looks into a failure.
      onOutput: (text) => appendFileSync(SERVER_LOG, text),
    });
    const stop = (): Promise<void> => stopProcess(child).then(remove);
    await waitUntilHealthy(url).catch((error: unknown) => stop().then(() => Promise.reject(error)));
    return { url, ...keys, email, password, fleetKey, hmacSecret, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}
