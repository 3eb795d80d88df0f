import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';

describe.skipIf(!process.env['TEST_CHROMIUM'])('API keys', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open();
  }, 120_000);
  afterAll(() => stage.close());

  const statusWith = async (key: string): Promise<number> =>
    (await fetch(`${stage.server.url}/api/v1/projects`, { headers: { 'x-api-key': key } })).status;
  const dialog = (page: Page) => page.getByRole('dialog');
  const row = (page: Page, name: string) =>
    page.getByRole('table', { name: 'API keys' }).getByRole('row').filter({ hasText: name });

  test('a key is made, works, is rotated with a grace, and revoked', async () => {
    const context = await stage.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await stage.newPage(context);
    await stage.logIn(page, stage.server.url, '/settings/api-keys');
    await page.getByRole('button', { name: 'New key' }).click();
    await dialog(page).getByLabel('Name').fill('Nightly build');
    await dialog(page).getByLabel('write').uncheck();
    await dialog(page).getByLabel('Expires').selectOption('In 30 days');
    await dialog(page).getByRole('button', { name: 'Create the key' }).click();
    const shown = dialog(page).getByLabel('Secret of Nightly build');
    const first = await shown.inputValue();
    await dialog(page).getByRole('button', { name: 'Copy' }).click();
    await dialog(page).getByText('Copied.').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(first);
    await dialog(page).getByRole('button', { name: 'I have kept it' }).click();
    await dialog(page).waitFor({ state: 'detached' });
    // Shown once: it is nowhere on the page any more.
    expect(await page.content()).not.toContain(first);
    await row(page, 'Nightly build').waitFor();
    expect(await statusWith(first)).toBe(200);
    const text = await row(page, 'Nightly build').textContent();
    expect(text).toContain(first.slice(0, 8));
    expect(text).toContain('read');
    expect(text).not.toContain('write');
    const created = await fetch(`${stage.server.url}/api/v1/projects`, {
      method: 'POST',
      headers: { 'x-api-key': first, 'content-type': 'application/json' },
      body: '{"name":"Not with this key"}',
    });
    expect(created.status).toBe(403);

    await page.getByRole('button', { name: 'Rotate Nightly build' }).click();
    await dialog(page).getByLabel('The present secret').selectOption('Is taken for an hour more');
    await dialog(page).getByRole('button', { name: 'Make a new secret' }).click();
    const second = await dialog(page).getByLabel('New secret of Nightly build').inputValue();
    await dialog(page).getByRole('button', { name: 'I have kept it' }).click();
    expect(second).not.toBe(first);
    expect([await statusWith(first), await statusWith(second)]).toEqual([200, 200]);
    await row(page, 'Nightly build').getByText('The secret before it is taken until').waitFor();
    await page.getByRole('button', { name: 'Rotate Nightly build' }).click();
    await dialog(page).getByLabel('The present secret').selectOption('Ends at once');
    await dialog(page).getByRole('button', { name: 'Make a new secret' }).click();
    const third = await dialog(page).getByLabel('New secret of Nightly build').inputValue();
    await page.keyboard.press('Escape');
    expect([await statusWith(first), await statusWith(second), await statusWith(third)]).toEqual([
      401, 401, 200,
    ]);

    await page.getByRole('button', { name: 'Revoke Nightly build' }).click();
    await dialog(page).getByRole('button', { name: 'Revoke' }).click();
    await row(page, 'Nightly build').getByText('revoked').waitFor();
    expect(await statusWith(third)).toBe(401);
    expect(await row(page, 'Nightly build').getByRole('button').count()).toBe(0);
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('a key without a scope or a name is not made', async () => {
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await stage.logIn(page, stage.server.url, '/settings/api-keys');
    await page.getByRole('button', { name: 'New key' }).click();
    const create = dialog(page).getByRole('button', { name: 'Create the key' });
    await dialog(page).getByLabel('read').uncheck();
    await dialog(page).getByLabel('write').uncheck();
    expect(await create.isDisabled()).toBe(true);
    await dialog(page).getByLabel('hold').check();
    await create.click();
    expect(
      await dialog(page)
        .getByLabel('Name')
        .evaluate((field: HTMLInputElement) => field.validity.valueMissing),
    ).toBe(true);
    await dialog(page).getByRole('button', { name: 'Cancel' }).click();
    await context.close();
    expect((await stage.client.apiKeys.list()).items.map(({ scopes }) => scopes)).not.toContainEqual([
      'hold',
    ]);
  }, 60_000);
});
