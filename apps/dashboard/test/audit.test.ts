import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';
import { barriersOf, eventually, openSettings, THEMES } from './settings.ts';

const NAME = `t_${randomUUID().replaceAll('-', '')}`;
const { TEST_CHROMIUM, TEST_DATABASE_URL } = process.env;

/** What somebody with all rights on a database does. */
async function inDatabase(name: string | null, ...statements: string[]): Promise<void> {
  const url = new URL(TEST_DATABASE_URL!);
  if (name !== null) url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

// The embedded database can be opened by the server only, and this alters a row behind its back.
describe.skipIf(!TEST_CHROMIUM || !TEST_DATABASE_URL)('the page of the audit log', () => {
  let stage: Stage;
  beforeAll(async () => {
    await inDatabase(null, `create database ${NAME}`);
    const url = new URL(TEST_DATABASE_URL!);
    url.pathname = `/${NAME}`;
    stage = await Stage.open({ DATABASE_URL: url.href });
  }, 120_000);
  afterAll(async () => {
    await stage.close();
    await inDatabase(null, `drop database ${NAME} with (force)`);
  });

  const rows = (page: Page) => page.getByRole('list', { name: 'Audit entries' }).getByRole('button');
  const verification = (page: Page) => page.getByRole('status', { name: 'Verification' });
  const search = async (page: Page, fields: Record<string, string>): Promise<void> => {
    for (const [label, value] of Object.entries(fields))
      await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByRole('button', { name: 'Search' }).click();
  };
  const save = async (page: Page, format: string): Promise<string[]> => {
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: `Export ${format}` }).click();
    return (await readFile(await (await download).path(), 'utf8')).trim().split('\n');
  };
  const change = async (title: string): Promise<string> => {
    const project = await stage.client.projects.create({ name: title });
    await stage.client.projects.update(project.id, { name: `${title} renamed` });
    return project.id;
  };

  test('what was just changed is there with its difference, and the address keeps what is looked at', async () => {
    const { context, page } = await openSettings(stage, 'audit');
    await rows(page).first().waitFor();
    const id = await change('Harbour');
    await rows(page).filter({ hasText: 'project.updated' }).first().waitFor();
    await search(page, { 'Target id': id, Action: 'project.updated' });
    await eventually(() => rows(page).count()).toBe(1);
    await rows(page).click();
    const dialog = page.getByRole('dialog', { name: 'Audit entry' });
    await dialog.getByRole('listitem').filter({ hasText: '/name' }).waitFor();
    expect(await dialog.getByRole('deletion').allTextContents()).toEqual(['removed: Harbour']);
    expect(await dialog.getByRole('insertion').allTextContents()).toEqual(['added: Harbour renamed']);
    expect([...new URL(page.url()).searchParams.keys()].sort()).toEqual(['action', 'entry', 'target_id']);

    await page.reload();
    await dialog.getByText('Harbour renamed').first().waitFor();
    await dialog.getByRole('button', { name: /^Only entries about project/ }).click();
    await dialog.waitFor({ state: 'detached' });
    await eventually(() => rows(page).count()).toBe(2);
    expect(await page.getByLabel('Action', { exact: true }).inputValue()).toBe('');
    await page.goBack();
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await eventually(() => rows(page).count()).toBe(1);
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('the log is searched by outcome, actor, time and text, page by page', async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, index) => stage.client.projects.create({ name: `P ${index}` })),
    );
    const { status } = await fetch(`${stage.server.url}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'owner@holdfast.local', password: 'wrong' }),
    });
    expect(status).toBe(401);
    const { context, page } = await openSettings(stage, 'audit?outcome=failure');
    await eventually(() => rows(page).allTextContents()).toEqual([expect.stringContaining('login.failed')]);
    // A choice holds at once, and the focus stays where it is.
    await page.getByLabel('Outcome').press('Home');
    await eventually(() => rows(page).count()).toBe(50);
    expect(new URL(page.url()).search).toBe('');
    await eventually(() => page.evaluate(() => document.activeElement?.tagName)).toBe('SELECT');
    await page.getByRole('button', { name: 'Show older entries' }).click();
    await eventually(() => rows(page).count()).toBeGreaterThan(60);
    await search(page, { Action: 'project.*', Text: 'P 17' });
    await eventually(() => rows(page).count()).toBe(1);
    await search(page, { Action: '', Text: '', From: '2099-01-01T00:00' });
    await page.getByText('No entry matches.').waitFor();
    await search(page, { From: '', Action: 'NOT AN ACTION' });
    await page.getByRole('alert').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await eventually(() => rows(page).count()).toBeGreaterThan(49);
    expect(await page.getByRole('alert').count()).toBe(0);
    await page.locator('h1').click();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Audit entry' }).getByText('Hash before').waitFor();
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('what matches is exported as JSON lines and as CSV', async () => {
    const id = await change('Exported');
    const { context, page } = await openSettings(stage, `audit?target_id=${id}`);
    await eventually(() => rows(page).count()).toBe(2);
    const lines = (await save(page, 'JSONL')).map((line) => JSON.parse(line) as { action?: string });
    expect(lines.flatMap(({ action }) => action ?? [])).toEqual(['project.created', 'project.updated']);
    const csv = await save(page, 'CSV');
    expect(csv).toHaveLength(3);
    expect(csv[2]).toContain('project.updated');
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test.each(THEMES)(
    'axe finds nothing, %s',
    async (theme) => {
      const id = await change(`Pier ${theme}`);
      const { context, page } = await openSettings(stage, 'audit', { colorScheme: theme });
      await rows(page).first().waitFor();
      await page.getByRole('button', { name: 'Verify' }).click();
      await verification(page).getByText('Whole').waitFor();
      const found = await barriersOf(page, 'audit', `audit-${theme}`);
      await search(page, { 'Target id': id, Action: 'project.updated' });
      await eventually(() => rows(page).count()).toBe(1);
      await rows(page).click();
      await page.getByRole('insertion').waitFor();
      found.push(...(await barriersOf(page, 'entry', `audit-entry-${theme}`)));
      expect(found).toEqual([]);
      await context.close();
      expect(stage.complaints).toEqual([]);
    },
    60_000,
  );

  // Last, as the log stays broken.
  test('verification turns green, and red with the number of a row that was altered behind the server', async () => {
    const id = await change('Altered');
    const [updated] = (await stage.client.audit.list({ target_id: id, action: 'project.updated' })).items;
    const { context, page } = await openSettings(stage, 'audit');
    await page.getByRole('button', { name: 'Verify' }).click();
    await verification(page).getByText('Whole').waitFor();
    expect(await verification(page).textContent()).toMatch(/\d+ entries checked, \d+ signed heads? checked/);
    await inDatabase(
      NAME,
      "set session_replication_role = 'replica'",
      `update audit_entries set outcome = 'failure' where id = '${updated!.id}'`,
    );
    await page.getByRole('button', { name: 'Verify' }).click();
    await verification(page).getByText(`Broken at entry ${updated!.seq}: altered`).waitFor();
    expect((await barriersOf(page, 'broken')).concat(stage.complaints)).toEqual([]);
    await context.close();
  }, 60_000);
});
