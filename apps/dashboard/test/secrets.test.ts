import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';
import { heapOf, keptBy, Provider } from './canary.ts';
import { barriersOf, eventually, openSettings, THEMES } from './settings.ts';

const FIRST = 'sk-canary-first-4f81b6c27d9e';
const SECOND = 'sk-canary-second-90aa1e5b3c77';
const CANARY = /sk-canary-/;

describe.skipIf(!process.env['TEST_CHROMIUM'])('the page of secrets', () => {
  const provider = new Provider();
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open({ OPENAI_BASE_URL: await provider.open() });
  }, 120_000);
  afterAll(async () => {
    await stage.close();
    await provider.close();
  });

  const row = (page: Page, name: string) => page.getByRole('row', { name: new RegExp(`^${name} `) });
  const detail = (page: Page) => page.getByRole('dialog', { name: 'Secret', exact: true });
  const versions = (page: Page) => page.getByRole('list', { name: 'Versions' }).getByRole('listitem');
  const accesses = (page: Page) => page.getByRole('list', { name: 'Accesses' }).getByRole('listitem');
  const inDays = (days: number): string =>
    new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16);

  /** Has an agent use the team's own key. */
  const useKey = async (): Promise<void> => {
    const { client, server } = stage;
    const before = provider.credentials.length;
    const agent = await client.agents.create({
      project_id: server.projectId,
      name: 'A',
      model: 'openai/test',
    });
    const session = await client.sessions.create({ project_id: server.projectId, agent_id: agent.id });
    await client.messages.post(session.id, { content: 'Hello' });
    await eventually(() => provider.credentials.length).toBeGreaterThan(before);
  };

  test('a secret is stored, used, given a new value, and its uses are on record; its value stays nowhere', async () => {
    const { context, page } = await openSettings(stage, 'secrets');
    const answers: Promise<string>[] = [];
    page.on('response', (response) => {
      if (response.url().includes('/api/')) answers.push(response.text().catch(() => ''));
    });
    await page.getByText('No secret yet.').waitFor();
    await page.getByRole('button', { name: 'New secret' }).click();
    const form = page.getByRole('dialog', { name: 'New secret' });
    await form.getByLabel('Name').fill('openai');
    await form.getByLabel('Value').fill(FIRST);
    expect(await page.content()).not.toMatch(CANARY);
    await form.getByLabel('Expires').fill(inDays(10));
    await form.getByRole('button', { name: 'Store' }).click();
    await page.getByText('openai is stored. Its value is never shown again.').waitFor();
    await row(page, 'openai')
      .getByText(`…${FIRST.slice(-4)}`)
      .waitFor();
    await page
      .getByRole('region', { name: 'Expiring secrets' })
      .getByText(/expires in (9|10) d/)
      .waitFor();

    await useKey();
    expect(provider.credentials.at(-1)).toBe(`Bearer ${FIRST}`);
    await row(page, 'openai').getByRole('button', { name: 'openai' }).click();
    await eventually(() => accesses(page).count()).toBeGreaterThan(0);
    expect(await accesses(page).first().textContent()).toMatch(/granted.*model call openai\/test, version 1/);

    await detail(page).getByRole('button', { name: 'New version' }).click();
    await detail(page).getByLabel('Value').fill(SECOND);
    await detail(page).getByLabel('Expires').fill('');
    await detail(page).getByRole('button', { name: 'Store' }).click();
    await detail(page).getByText('Version 2 is stored').waitFor();
    await eventually(() => versions(page).first().textContent()).toMatch(/Version 2.*in use/);
    await useKey();
    expect(provider.credentials.at(-1)).toBe(`Bearer ${SECOND}`);
    await page.reload();
    await accesses(page).filter({ hasText: 'version 2' }).first().waitFor();
    await page.keyboard.press('Escape');
    await row(page, 'openai').getByText('never', { exact: true }).waitFor();
    expect(await page.getByRole('region', { name: 'Expiring secrets' }).count()).toBe(0);

    expect(await keptBy(page)).not.toMatch(CANARY);
    expect((await Promise.all(answers)).join('\n')).not.toMatch(CANARY);
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 90_000);

  test('what was typed is not in the memory of the page once it is stored', async () => {
    const { context, page } = await openSettings(stage, 'secrets');
    await page.getByRole('button', { name: 'New secret' }).click();
    const form = page.getByRole('dialog', { name: 'New secret' });
    await form.getByLabel('Name').fill('mail-relay');
    await form.getByLabel('Value').fill(FIRST);
    await form.getByRole('button', { name: 'Store' }).click();
    await row(page, 'mail-relay').waitFor();
    await expect
      .poll(async () => CANARY.test(await heapOf(page)), { timeout: 30_000, interval: 500 })
      .toBe(false);
    expect(await keptBy(page)).not.toMatch(CANARY);
    // The look into the memory does find what is kept there.
    await page.evaluate((value) => Object.assign(globalThis, { kept: value }), SECOND);
    expect(await heapOf(page)).toContain(SECOND);
    await context.close();
  }, 60_000);

  test('a version is disabled for good, and the secret is deleted', async () => {
    const secret = await stage.client.secrets.create({ name: 'hook', kind: 'webhook_secret', value: FIRST });
    await stage.client.secrets.addVersion(secret.id, { value: SECOND });
    const { context, page } = await openSettings(stage, 'secrets');
    await page.goto(`${stage.server.url}/settings/secrets?secret=${secret.id}`);
    await detail(page).getByText('Never used.').waitFor();
    await detail(page).getByRole('button', { name: 'Disable version 2' }).click();
    await eventually(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Keep');
    await detail(page).getByRole('button', { name: 'Disable version 2' }).click();
    await eventually(() => versions(page).first().textContent()).toContain('disabled');
    expect(await versions(page).nth(1).textContent()).toContain('in use');
    await detail(page).getByRole('button', { name: 'Delete', exact: true }).click();
    await detail(page).getByRole('button', { name: 'Delete the secret' }).click();
    await detail(page).waitFor({ state: 'detached' });
    await eventually(() => row(page, 'hook').count()).toBe(0);
    await expect(stage.client.secrets.get(secret.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('a name that is taken is told, and the value can be sent again', async () => {
    await stage.client.secrets.create({ name: 'billing-hook', kind: 'other', value: FIRST });
    const { context, page } = await openSettings(stage, 'secrets');
    await page.getByRole('button', { name: 'New secret' }).click();
    const form = page.getByRole('dialog', { name: 'New secret' });
    await form.getByLabel('Name').fill('billing-hook');
    await form.getByLabel('Value').fill(SECOND);
    await form.getByRole('button', { name: 'Store' }).click();
    await form.getByRole('alert').getByText('There is a secret named "billing-hook" already.').waitFor();
    await form.getByLabel('Name').fill('billing-hook-2');
    await page.keyboard.press('Enter');
    await row(page, 'billing-hook-2')
      .getByText(`…${SECOND.slice(-4)}`)
      .waitFor();
    await context.close();
  }, 60_000);

  test.each(THEMES)(
    'axe finds nothing, %s',
    async (theme) => {
      const expires_at = new Date(Date.now() + 5 * 86_400_000).toISOString();
      const { id } = await stage.client.secrets.create({
        name: `crm-reader-${theme}`,
        kind: 'tool_credential',
        value: FIRST,
        description: 'Read-only user of the customer database',
        expires_at,
      });
      await stage.client.secrets.addVersion(id, { value: SECOND });
      const { context, page } = await openSettings(stage, 'secrets', { colorScheme: theme });
      await page.getByRole('region', { name: 'Expiring secrets' }).waitFor();
      const found = await barriersOf(page, 'secrets', `secrets-${theme}`);
      await page.getByRole('button', { name: 'New secret' }).click();
      await page.getByRole('dialog').getByLabel('Value').waitFor();
      found.push(...(await barriersOf(page, 'new-secret')));
      await page.keyboard.press('Escape');
      await row(page, `crm-reader-${theme}`).getByRole('button').click();
      await versions(page).first().waitFor();
      await detail(page).getByRole('button', { name: 'New version' }).click();
      found.push(...(await barriersOf(page, 'secret')));
      expect(found).toEqual([]);
      await context.close();
      expect(stage.complaints).toEqual([]);
    },
    60_000,
  );
});
