import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { findBarriers, LOGIN, Stage } from './browser.ts';
import { ask, badge, makeScene, messageBox, QUESTION, waitForEndOfRun, type Scene } from './scene.ts';

/** With this set, the pictures in docs/images are taken anew. */
const PICTURES = process.env['HOLDFAST_SCREENSHOTS'] === '1' ? 'docs/images' : null;
const PICTURED = ['sessions', 'session'];

describe.skipIf(!process.env['TEST_CHROMIUM'])('the dashboard for everybody', () => {
  let stage: Stage;
  let scene: Scene;

  beforeAll(async () => {
    stage = await Stage.open({ OFFLINE_TOKEN_DELAY_MS: '0', LEASE_SCAN_INTERVAL_MS: '300' });
    scene = await makeScene(stage, 'Onboarding of the new team');
    const { client } = stage;
    const create = (title: string, executor: 'server' | 'external' = 'server') =>
      client.sessions.create({ project_id: scene.projectId, title, executor });
    await client.documents.upload(scene.projectId, { name: 'travel.md', content: '# Travel\n\nBy train.' });
    const crawl = await create('Nightly crawl', 'external');
    await client.leases.claim(crawl.id, { holder: 'machine-2:slot-1', ttl_ms: 1000 });
    const archive = await create('Import of the archive');
    await client.sessions.close(archive.id, { status: 'completed' });
    const notes = await create('Release notes for May', 'external');
    await client.leases.claim(notes.id, { holder: 'editor-7', ttl_ms: 600_000 });
    const isStalled = async () => expect((await client.sessions.get(crawl.id)).lease.state).toBe('stalled');
    await vi.waitFor(isStalled, { timeout: 20_000, interval: 200 });
  }, 120_000);
  afterAll(() => stage.close());

  const look = async (page: Page, name: string, theme: string): Promise<string[]> => {
    if (PICTURES !== null && PICTURED.includes(name))
      await page.screenshot({ path: `${PICTURES}/dashboard-${name}-${theme}.png` });
    return (await findBarriers(page)).map((barrier) => `${name} ${theme}: ${barrier}`);
  };

  test.each(['light', 'dark'] as const)('axe finds nothing on any page, %s', async (theme) => {
    const context = await stage.newContext({ colorScheme: theme });
    const page = await stage.newPage(context);
    await page.goto(stage.server.url);
    await page.getByLabel('E-mail').waitFor();
    const found = await look(page, 'login', theme);
    await stage.logIn(page, stage.server.url, '/sessions');
    await page.getByRole('link', { name: /Release notes/ }).waitFor();
    found.push(...(await look(page, 'sessions', theme)));
    await page.getByRole('button', { name: 'New session' }).click();
    await page.getByLabel('Agent').selectOption('New agent…');
    await page.getByLabel('Instructions').waitFor();
    found.push(...(await look(page, 'new-session', theme)));
    await page.keyboard.press('Escape');
    await page.goto(`${stage.server.url}${(await makeScene(stage, 'Questions about leave')).path}`);
    await badge(page, 'Connection').getByText('live').waitFor();
    await ask(page, QUESTION);
    await page.getByText('26 weeks').first().waitFor();
    await waitForEndOfRun(page);
    await page.getByRole('option').nth(6).click();
    found.push(...(await look(page, 'session', theme)));
    await page.locator('summary').first().click();
    await page.getByRole('region', { name: 'Output' }).waitFor();
    found.push(...(await look(page, 'tool', theme)));
    await page.goto(`${stage.server.url}/documents/${scene.projectId}`);
    await page.getByText('travel.md').waitFor();
    found.push(...(await look(page, 'documents', theme)));
    await page.getByLabel('Search the documents').fill('leave');
    await page.getByRole('list', { name: 'Passages' }).waitFor();
    found.push(...(await look(page, 'search', theme)));
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    found.push(...(await look(page, 'shortcuts', theme)));
    expect(found).toEqual([]);
    await context.close();
    expect(stage.complaints).toEqual([]);
  });

  test('what needs attention comes first, and can be looked at alone', async () => {
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await stage.logIn(page, stage.server.url, '/sessions');
    const titles = page.getByRole('list', { name: 'Sessions' }).getByRole('link');
    await expect.poll(() => titles.first().textContent()).toContain('Nightly crawl');
    expect(await titles.count()).toBeGreaterThan(3);
    await page.getByLabel('Status').selectOption('Needs attention');
    await expect.poll(() => titles.count()).toBe(1);
    expect(new URL(page.url()).search).toBe('?status=attention');
    await page.getByLabel('Status').selectOption('Completed');
    await expect
      .poll(() => titles.allTextContents())
      .toEqual([expect.stringContaining('Import of the archive')]);
    await context.close();
  });

  test('the theme follows the system until it is chosen, and is remembered', async () => {
    const context = await stage.newContext({ colorScheme: 'dark' });
    const page = await stage.newPage(context);
    const theme = () => page.evaluate(() => document.documentElement.dataset['theme']);
    await page.goto(stage.server.url);
    expect(await theme()).toBe('dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await expect.poll(theme).toBe('light');
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    await page.reload();
    expect(await theme()).toBe('dark');
    await context.close();
  });

  test('everything can be done with the keyboard alone', async () => {
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await page.goto(stage.server.url);
    await typeLogin(page);
    await page.getByRole('heading', { name: 'Sessions' }).waitFor();
    await page.locator('body').press('Tab');
    expect(await focused(page)).toBe('Skip to content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');

    await page.keyboard.press('n');
    await page.getByRole('dialog').waitFor();
    // The first field of the dialog has the focus.
    await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT');
    await page.keyboard.type('By keyboard');
    await page.keyboard.press('Enter');
    await badge(page, 'Connection').getByText('live').waitFor();
    await page.keyboard.press('m');
    await page.keyboard.type(QUESTION);
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('Please.');
    await page.keyboard.press('Enter');
    await page.getByText('26 weeks').first().waitFor();
    expect(await page.getByRole('article', { name: 'Message of the user' }).textContent()).toContain(
      'get?\nPlease.',
    );
    await waitForEndOfRun(page);

    await page.keyboard.press('Escape');
    await page.keyboard.press('l');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('log-list');
    await page.keyboard.press('End');
    await page
      .getByRole('region', { name: /^Event \d+$/ })
      .getByText('run.completed')
      .waitFor();
    await page.keyboard.press('ArrowUp');
    await page
      .getByRole('region', { name: /^Event \d+$/ })
      .getByText('message.created')
      .waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('tool.');
    await expect.poll(() => page.getByRole('option').count()).toBe(2);
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await page.getByRole('heading', { name: 'Sessions' }).waitFor();
    await page.getByRole('link', { name: /By keyboard/ }).waitFor();
    await page.keyboard.press('j');
    await expect.poll(() => focused(page)).toContain('Nightly crawl');
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => focused(page)).toContain('By keyboard');
    await page.keyboard.press('j');
    await expect.poll(() => focused(page)).not.toContain('By keyboard');
    await page.keyboard.press('k');
    await expect.poll(() => focused(page)).toContain('By keyboard');
    await page.keyboard.press('Enter');
    await messageBox(page).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('unknown paths stay what they are without a dashboard', async () => {
    const status = async (path: string, accept = 'text/html') =>
      (await fetch(`${stage.server.url}${path}`, { headers: { accept } })).status;
    expect(await status('/api/v1/nothing')).toBe(404);
    expect(await status('/nothing')).toBe(404);
    expect(await status('/assets/nothing.js')).toBe(404);
    expect(await status('/assets/..%2f..%2fpackage.json')).toBe(404);
    expect(await status('/', 'application/json')).toBe(404);
    expect(await status('/sessions/any')).toBe(200);
    const page = await fetch(stage.server.url, { headers: { accept: 'text/html' } });
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const asset = /\/assets\/[^"]+\.js/.exec(await page.text())![0];
    const { headers } = await fetch(`${stage.server.url}${asset}`, { headers: { 'accept-encoding': 'br' } });
    expect(headers.get('cache-control')).toContain('immutable');
    expect(headers.get('content-encoding')).toBe('br');
  });
});

async function typeLogin(page: Page): Promise<void> {
  await page.getByLabel('E-mail').waitFor();
  await page.keyboard.type(LOGIN.email);
  await page.keyboard.press('Tab');
  await page.keyboard.type(LOGIN.password);
  await page.keyboard.press('Enter');
}

function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const { activeElement } = document;
    return activeElement === document.body ? '' : (activeElement?.textContent ?? '');
  });
}
