import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig, type ConfigProblem } from './config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const envFile = (text: string) => writeFileSync(join(folder, '.env'), text);

function refusal(env: Record<string, string>): ConfigError {
  try {
    loadConfig(env, folder);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('The configuration was accepted.');
}
const problemOf = (env: Record<string, string>): ConfigProblem | undefined => refusal(env).problems[0];

describe('loadConfig', () => {
  it('starts with nothing set', () => {
    const config = loadConfig({}, folder);
    expect(config).toMatchObject({
      mode: 'development',
      dataDir: join(folder, '.holdfast'),
      http: { host: '127.0.0.1', port: 7300, bodyLimitBytes: 1024 * 1024, uploadLimitBytes: 5 * 1024 * 1024 },
      database: { url: undefined, poolMax: 10, queryTimeoutMs: 10_000 },
      identity: { adminEmail: 'owner@holdfast.local', tokenTtlMs: 24 * 3_600_000 },
      lease: { ttlMs: 15_000, scanIntervalMs: 5000 },
      model: { default: ['offline'], offlineTokenDelayMs: 15 },
      tool: { mcpServers: {}, fetchAllowPrivate: false },
    });
  });

  it('reads the .env file, and lets the environment win', () => {
    envFile('PORT=8001\nLOG_LEVEL=debug # loud\nHOST="0.0.0.0"\n');
    const { http, log } = loadConfig({ PORT: '8002' }, folder);
    expect([http.port, http.host, log.level]).toEqual([8002, '0.0.0.0', 'debug']);
    expect(loadConfig({}, null).http.port).toBe(7300);
  });

  it('counts an empty value as unset', () => {
    envFile('PORT=8001\n');
    expect(loadConfig({ PORT: '', DATABASE_URL: '', JWT_SECRET: '' }, folder)).toMatchObject({
      http: { port: 8001 },
      database: { url: undefined },
      identity: { jwtSecret: undefined },
    });
  });

  it('lists every problem at once with its source, and no value', () => {
    envFile('JWT_SECRET=tooshortsecret\nLEASE_TTL_MS=999\n');
    const error = refusal({
      PORT: '70000',
      DATABASE_URL: 'mysql://root:hunter2@db/x',
      MONGODB_URI: 'mongodb://root:hunter3@db',
      MODEL_DEFAULT: 'openai/gpt-5,compatible/llama',
      ADMIN_PASSWORD: 'hunter4',
    });
    expect(error.problems.map(({ variable, source }) => `${variable} ${source}`).toSorted()).toEqual([
      'ADMIN_PASSWORD environment',
      'COMPATIBLE_BASE_URL not set',
      'DATABASE_URL environment',
      'JWT_SECRET .env file',
      'LEASE_TTL_MS .env file',
      'MONGODB_URI environment',
      'OPENAI_API_KEY not set',
      'PORT environment',
    ]);
    expect(error.message).toContain('PORT (environment) must be a whole number from 0 to 65535.');
    for (const { variable } of error.problems) expect(error.message).toContain(variable);
    expect(error.message).not.toMatch(/hunter|tooshort|70000/);
  });

  it('answers MONGODB_URI with the variable to use instead', () => {
    expect(problemOf({ MONGODB_URI: 'mongodb://127.0.0.1/x' })?.rule).toContain('set DATABASE_URL');
  });

  it('requires secrets in production only', () => {
    expect(problemOf({ NODE_ENV: 'production' })).toMatchObject({
      variable: 'JWT_SECRET',
      source: 'not set',
    });
    const jwtSecret = 'pq7Zr2Vx9Lw4Tn6Bs1Kd8Mf3Hg5Jc0Ya';
    const production = {
      NODE_ENV: 'production',
      JWT_SECRET: jwtSecret,
      SECRETS_KEY_FILE: '/run/secrets/keys',
    };
    expect(loadConfig(production, folder).identity).toMatchObject({ jwtSecret });
  });

  it.each([
    ['PORT', '1e3'],
    ['PORT', '-1'],
    ['PORT', '0x10'],
    ['PORT', ' 80'],
    ['LEASE_TTL_MS', '999'],
    ['DATABASE_POOL_MAX', '0'],
    ['FETCH_ALLOW_PRIVATE', 'yes'],
    ['LOG_LEVEL', 'verbose'],
    ['PUBLIC_URL', 'example.com'],
    ['REDIS_URL', 'http://127.0.0.1:6379'],
    ['ADMIN_EMAIL', 'owner'],
    ['MODEL_DEFAULT', 'offline,'],
    ['MODEL_DEFAULT', 'mistral/large'],
    ['MCP_SERVERS', '{"files":'],
    ['MCP_SERVERS', '["files"]'],
    ['MCP_SERVERS', '{"files":{"command":"x","url":"http://a"}}'],
    ['MCP_SERVERS', '{"files":{"url":"file:///etc"}}'],
  ])('refuses %s=%s', (variable, value) => {
    expect(problemOf({ [variable]: value })).toMatchObject({ variable, source: 'environment' });
  });

  it('reads lists and objects', () => {
    const servers = {
      files: { command: 'mcp-files', args: ['-v'] },
      web: { url: 'https://example.com/mcp' },
    };
    const config = loadConfig(
      {
        MODEL_DEFAULT: 'anthropic/claude, offline',
        ANTHROPIC_API_KEY: 'k',
        MCP_SERVERS: JSON.stringify(servers),
        FETCH_ALLOW_PRIVATE: 'true',
      },
      folder,
    );
    expect(config.model.default).toEqual(['anthropic/claude', 'offline']);
    expect(config.tool).toEqual({ mcpServers: servers, fetchAllowPrivate: true });
  });
});
