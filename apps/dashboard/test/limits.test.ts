import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';
import { Mailbox } from './mailbox.ts';
import { logInAs, makePerson } from './people.ts';
import { barriersOf, eventually, openSettings, THEMES } from './settings.ts';

/** Those of a new installation, but for what a browser that is in a hurry runs into. */
const RATE_LIMITS = JSON.stringify({
  anonymous: { minute: 1000 },
  page: { minute: 100_000 },
  login: { minute: 1000 },
});
const VICTIM = 'stranger@example.com';

describe.skipIf(!process.env['TEST_CHROMIUM'])('the page of limits', () => {
  let mailbox: Mailbox;
  let stage: Stage;
  beforeAll(async () => {
    mailbox = await Mailbox.open();
    stage = await Stage.open({ ...mailbox.settings, REGISTRATION: 'open', RATE_LIMITS });
  }, 120_000);
  afterAll(async () => {
    await stage.close();
    await mailbox.close();
  });

  const overrides = (page: Page) => page.getByRole('list', { name: 'Overrides' }).getByRole('listitem');
  const blocks = (page: Page) => page.getByRole('list', { name: 'Blocks' }).getByRole('listitem');
  const statusOf = async (key: string): Promise<number> =>
    (await fetch(`${stage.server.url}/api/v1/projects`, { headers: { 'x-api-key': key } })).status;
  const logInStatus = async (): Promise<number> => {
    const body = JSON.stringify({ email: VICTIM, password: 'not the password' });
    const headers = { 'content-type': 'application/json' };
    return (await fetch(`${stage.server.url}/api/v1/auth/login`, { method: 'POST', headers, body })).status;
  };
  const setOverride = async (page: Page, policy: string, whom: string, number: string): Promise<void> => {
    await page.getByRole('button', { name: 'New override' }).click();
    const dialog = page.getByRole('dialog', { name: 'Override a limit' });
    await dialog.getByLabel('Policy').selectOption(policy);
    await dialog.getByLabel('Whom').fill(whom);
    await dialog.getByLabel('A minute').fill(number);
    await dialog.getByLabel('Expires').selectOption('in an hour');
    await dialog.getByLabel('Reason').fill('Runs wild');
    await dialog.getByRole('button', { name: 'Set override' }).click();
    await dialog.waitFor({ state: 'detached' });
  };

  test.each(THEMES)(
    'axe finds nothing, %s',
    async (theme) => {
      const { context, page } = await openSettings(stage, 'limits', { colorScheme: theme });
      const key = await stage.client.apiKeys.create({ name: `Importer ${theme}`, scopes: ['read'] });
      const override = await stage.client.rateLimits.set('platform', {
        subject: `key:${key.id}`,
        minute: 600,
        reason: 'Nightly import',
        expires_at: new Date(Date.now() + 3 * 86_400_000).toISOString(),
      });
      await page.getByText('Nightly import').first().waitFor();
      await page.getByRole('meter').first().waitFor();
      const found = await barriersOf(page, 'limits', `limits-${theme}`);
      await page.getByRole('button', { name: 'Override platform' }).click();
      await page.getByRole('dialog').getByLabel('Expires').selectOption('at a time…');
      found.push(...(await barriersOf(page, 'override')));
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Look up who uses platform' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Look up' }).click();
      await page.getByRole('button', { name: 'Reset' }).waitFor();
      found.push(...(await barriersOf(page, 'look-up')));
      await stage.client.rateLimits.remove(override.id);
      expect(found).toEqual([]);
      await context.close();
      expect(stage.complaints).toEqual([]);
    },
    60_000,
  );

  test('an override is set, seen, acts on the API at once, and is gone when it is deleted', async () => {
    const key = await stage.client.apiKeys.create({ name: 'Night crawler', scopes: ['read'] });
    const { context, page } = await openSettings(stage, 'limits');
    await page.getByRole('heading', { name: 'Limits' }).waitFor();
    expect(await statusOf(key.secret!)).toBe(200);
    await setOverride(page, 'platform', `key:${key.id}`, '5');
    await eventually(() => overrides(page).allTextContents()).toHaveLength(1);
    const [text] = await overrides(page).allTextContents();
    for (const part of ['platform', 'Night crawler', '5 a minute', 'Runs wild', 'ends in'])
      expect(text).toContain(part);

    const statuses: number[] = [];
    for (let call = 0; call < 7; call += 1) statuses.push(await statusOf(key.secret!));
    expect(statuses).toContain(200);
    expect(statuses.slice(-2)).toEqual([429, 429]);
    await page.getByLabel('Used by').selectOption({ label: 'key “Night crawler”' });
    await page
      .getByRole('row', { name: /^platform/ })
      .getByText('5 of 5')
      .waitFor();

    // What was used is given back.
    await page.getByRole('button', { name: 'Look up who uses platform' }).click();
    const lookUp = page.getByRole('dialog', { name: 'Who uses platform' });
    await lookUp.getByLabel('Whom').fill(`key:${key.id}`);
    await lookUp.getByRole('button', { name: 'Look up' }).click();
    await lookUp.getByRole('button', { name: 'Reset' }).click();
    await lookUp.getByText('0 of 5').waitFor();
    expect(await statusOf(key.secret!)).toBe(200);
    await page.keyboard.press('Escape');

    await page.getByRole('button', { name: /^Delete the override of platform/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('None: the numbers of the tier are in force.').waitFor();
    for (let call = 0; call < 8; call += 1) expect(await statusOf(key.secret!)).toBe(200);
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('who is blocked shows up by itself, and is unblocked', async () => {
    const { context, page } = await openSettings(stage, 'limits');
    await page.getByText('Nobody is blocked.').waitFor();
    const subject = `ip:127.0.0.1 email:${VICTIM}`;
    await setOverride(page, 'login', subject, '1');
    expect(await logInStatus()).toBe(401);
    for (let attempt = 0; attempt < 12; attempt += 1) expect(await logInStatus()).toBe(429);
    await eventually(() => blocks(page).allTextContents()).toHaveLength(1);
    expect((await blocks(page).allTextContents())[0]).toContain(VICTIM);

    expect(await barriersOf(page, 'blocked')).toEqual([]);
    await blocks(page).getByRole('button', { name: 'Unblock' }).click();
    await page.getByText('Nobody is blocked.').waitFor();
    await page.getByRole('button', { name: 'Look up who uses login', exact: true }).click();
    const lookUp = page.getByRole('dialog', { name: 'Who uses login' });
    await lookUp.getByLabel('Whom').fill(subject);
    await lookUp.getByRole('button', { name: 'Look up' }).click();
    await lookUp.getByRole('button', { name: 'Reset' }).click();
    await lookUp.getByText('0 of 1').waitFor();
    expect(await logInStatus()).toBe(401);
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('what is refused is told in the form, and nothing is set', async () => {
    const { context, page } = await openSettings(stage, 'limits');
    await page.getByRole('button', { name: 'Override fleet' }).click();
    const dialog = page.getByRole('dialog', { name: 'Override a limit' });
    await dialog.getByLabel('At once').fill('5');
    await dialog.getByLabel('Reason').fill('No window');
    await dialog.getByRole('button', { name: 'Set override' }).click();
    await dialog.getByRole('alert').getByText('needs a window').waitFor();
    await dialog.getByLabel('Whom').fill('key:00000000-0000-7000-8000-000000000000');
    await dialog.getByLabel('A minute').fill('5');
    await dialog.getByRole('button', { name: 'Set override' }).click();
    await dialog.getByRole('alert').getByText('API key').waitFor();
    expect(
      (await stage.client.rateLimits.list()).overrides.filter(({ policy }) => policy === 'fleet'),
    ).toEqual([]);
    await context.close();
  }, 60_000);

  test('somebody who does not run the installation sees and changes their own team only', async () => {
    const person = await makePerson(stage, mailbox, 'Petra');
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await logInAs(stage, page, person, '/settings/limits');
    await page.getByRole('button', { name: 'Override platform' }).waitFor();
    expect(await page.getByRole('button', { name: 'Override anonymous' }).count()).toBe(0);
    await page.getByRole('button', { name: 'New override' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByLabel('Policy').getByRole('option').allTextContents()).not.toContain('login');
    expect(await dialog.getByLabel('Id of another team').count()).toBe(0);
    await dialog.getByLabel('No limit at all').check();
    await dialog.getByLabel('Reason').fill('More than the tier allows');
    await dialog.getByRole('button', { name: 'Set override' }).click();
    await dialog.getByRole('alert').getByText('only the operator may raise it').waitFor();
    await page.keyboard.press('Escape');
    await setOverride(page, 'platform', '', '5000');
    await eventually(() => overrides(page).allTextContents()).toHaveLength(1);
    expect(await person.client.rateLimits.list()).toMatchObject({
      overrides: [{ allowance: { minute: 5000 } }],
    });
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);
});
