import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTestHttp } from '../../../test/http-app.ts';
import { addDashboardRoutes, DashboardBuild } from './index.ts';

/** Stands for the real one: writes a page, and a line about each time it was run. */
const VITE = `
import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const out = process.argv[process.argv.indexOf('--outDir') + 1];
appendFileSync('../../builds', 'built\\n');
const html = readFileSync('index.html', 'utf8');
if (html.includes('broken')) { console.error('syntax error'); process.exit(1); }
mkdirSync(out + '/assets', { recursive: true });
writeFileSync(out + '/index.html', html);
writeFileSync(out + '/assets/index-abc.js', 'export {};');
writeFileSync(out + '/assets/index-abc.js.br', 'packed');
`;

let repository: string;
let said: string[];

beforeEach(async () => {
  repository = await mkdtemp(join(tmpdir(), 'holdfast-dashboard-'));
  said = [];
  const files: Record<string, string> = {
    'apps/dashboard/index.html': '<p>first</p>',
    'apps/dashboard/package.json': '{}',
    'apps/dashboard/vite.config.ts': '',
    'apps/dashboard/public/favicon.svg': '<svg/>',
    'apps/dashboard/src/main.tsx': '',
    'packages/protocol/src/index.ts': '',
    'packages/sdk/src/index.ts': '',
    'node_modules/vite/package.json': '{"name":"vite","type":"module"}',
    'node_modules/vite/bin/vite.js': VITE,
  };
  for (const [path, text] of Object.entries(files)) await write(path, text);
});
afterEach(() => rm(repository, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(repository, path, '..'), { recursive: true });
  await writeFile(join(repository, path), text);
}

const open = () => new DashboardBuild({ repository, say: (line) => said.push(line) });
const countBuilds = async () =>
  (await readFile(join(repository, 'builds'), 'utf8').catch(() => '')).split('\n').length - 1;
const until = (build: DashboardBuild, state: string) =>
  vi.waitFor(async () => expect(await build.state()).toBe(state), { timeout: 10_000, interval: 20 });

describe('the build', () => {
  test('happens at the first start and at none after it, until the sources change', async () => {
    const first = open();
    expect(await first.state()).toBe('building');
    await until(first, 'ready');
    expect(said).toEqual([expect.stringContaining('Building'), expect.stringContaining('is ready')]);
    expect(await open().state()).toBe('ready');
    await write('apps/dashboard/src/main.test.tsx', 'a test is no part of the page');
    expect(await open().state()).toBe('ready');
    expect(await countBuilds()).toBe(1);
    await write('packages/sdk/src/index.ts', 'export {};');
    await until(open(), 'ready');
    expect(await countBuilds()).toBe(2);
  });

  test('is done once by two servers that start together', async () => {
    const both = [open(), open()];
    for (const build of both) build.start();
    await Promise.all(both.map((build) => until(build, 'ready')));
    expect(await countBuilds()).toBe(1);
  });

  test('goes on after a server that was killed while it built', async () => {
    await write('apps/dashboard/.building', '2147483646');
    await write('apps/dashboard/dist.2147483646/index.html', 'half');
    await until(open(), 'ready');
    expect(existsSync(join(repository, 'apps/dashboard/dist.2147483646'))).toBe(false);
  });

  test('that fails says why, and is not tried again at each request', async () => {
    await write('apps/dashboard/index.html', 'broken');
    const build = open();
    await until(build, 'failed');
    expect(said.at(-1)).toContain('syntax error');
    expect(await build.state()).toBe('failed');
    expect(await countBuilds()).toBe(1);
  });

  test('needs nothing where the page was delivered built', async () => {
    await until(open(), 'ready');
    await rm(join(repository, 'node_modules'), { recursive: true });
    await cp(join(repository, 'apps/dashboard/dist'), join(repository, 'kept'), { recursive: true });
    expect(await open().state()).toBe('ready');
    await rm(join(repository, 'apps/dashboard/src'), { recursive: true });
    expect(await open().state()).toBe('ready');
    await rm(join(repository, 'apps/dashboard/dist'), { recursive: true });
    expect(await open().state()).toBe('absent');
    expect(said.at(-1)).toContain('not installed');
  });
});

describe('the pages', () => {
  const serve = (build: DashboardBuild) => {
    const { app } = createTestHttp();
    addDashboardRoutes(app, build);
    const get = (url: string, headers: Record<string, string> = { accept: 'text/html' }) =>
      app.inject({ url, headers });
    return { app, get };
  };

  test('say that they are being built, while they are', async () => {
    const build = open();
    const { app, get } = serve(build);
    const answer = await get('/');
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.body).toContain('is being built');
    await until(build, 'ready');
    expect((await get('/')).body).toContain('first');
    await app.close();
  });

  test('are served with their own policy, and only where there is one', async () => {
    const build = open();
    await until(build, 'ready');
    const { app, get } = serve(build);
    const mailed = ['/reset-password', '/verify-email', '/invitation'];
    const settings = ['/settings', '/settings/team', '/settings/audit/x'];
    const entrances = ['/register', '/forgot-password', ...mailed];
    const work = ['/', '/sessions', '/sessions/x', '/documents', '/documents/x'];
    for (const url of [...work, ...settings, ...entrances]) {
      const page = await get(url);
      expect(page.statusCode).toBe(200);
      expect(page.headers['cache-control']).toBe('no-cache');
      expect(page.headers['content-security-policy']).toContain("script-src 'self'");
      expect(page.headers['content-security-policy']).not.toContain('unsafe');
    }
    for (const url of [
      '/nothing',
      '/api/v1/nothing',
      '/assets/none.js',
      '/assets/..%2findex.html',
      '/assets/.x',
      '/theme.js',
    ]) {
      const answer = await get(url);
      expect(answer.statusCode, url).toBe(404);
      expect(answer.json()).toMatchObject({ success: false, code: 'NOT_FOUND' });
    }
    expect((await get('/', { accept: 'application/json' })).statusCode).toBe(404);
    expect((await app.inject({ method: 'POST', url: '/' })).statusCode).toBe(405);
    await app.close();
  });

  test('are cached: files with a hash for good, the page as long as it is the same', async () => {
    const build = open();
    await until(build, 'ready');
    const { app, get } = serve(build);
    const asset = await get('/assets/index-abc.js');
    expect(asset.headers['cache-control']).toContain('immutable');
    expect(asset.body).toBe('export {};');
    const packed = await get('/assets/index-abc.js', { 'accept-encoding': 'gzip, br' });
    expect(packed.headers['content-encoding']).toBe('br');
    expect(packed.body).toBe('packed');
    const { etag } = (await get('/')).headers;
    const again = await get('/', { 'if-none-match': String(etag) });
    expect(again.statusCode).toBe(304);
    expect(again.body).toBe('');
    await app.close();
  });
});
