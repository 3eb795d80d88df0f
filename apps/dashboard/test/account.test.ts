import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';
import { Mailbox } from './mailbox.ts';
import { expectAlert, guard, logInAs, makePerson, PASSWORD, typePassword, waitUntilIn } from './people.ts';

describe.skipIf(!process.env['TEST_CHROMIUM'])('an account', () => {
  let mailbox: Mailbox;
  let stage: Stage;

  beforeAll(async () => {
    mailbox = await Mailbox.open();
    stage = await Stage.open({ ...mailbox.settings, REGISTRATION: 'open' });
  }, 120_000);
  afterAll(async () => {
    await stage.close();
    await mailbox.close();
  });

  async function open(path = '/'): Promise<Page> {
    const page = await stage.newPage(await stage.newContext());
    await page.goto(`${stage.server.url}${path}`);
    return page;
  }
  const logOut = (page: Page) => page.getByRole('button', { name: 'Log out', exact: true }).click();

  test('a forgotten password is replaced by a mailed link, once', async () => {
    const person = await makePerson(stage, mailbox, 'Eve');
    const page = await open();
    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await page.getByLabel('E-mail').fill(person.email);
    await page.keyboard.press('Enter');
    await page.getByRole('status').waitFor();
    const link = await mailbox.waitForLink(person.email, 'reset-password');
    await page.goto(link);
    await page.getByLabel('New password', { exact: true }).fill('password');
    await page.keyboard.press('Enter');
    await expectAlert(page, /^Password:/);
    const password = 'another mast, another harbour';
    await page.getByLabel('New password', { exact: true }).fill(password);
    await page.keyboard.press('Enter');
    await page.getByText('Your password is changed.').waitFor();
    await page.getByRole('link', { name: 'Go to the log-in page' }).click();
    await typePassword(page, person);
    await expectAlert(page, /is wrong/);
    await typePassword(page, { email: person.email, password });
    await waitUntilIn(page);
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await page.keyboard.press('Enter');
    await expectAlert(page, /link/);
    await page.getByRole('link', { name: 'Ask for another link' }).waitFor();
    await page.context().close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('the profile and the password are changed', async () => {
    const person = await makePerson(stage, mailbox, 'Fay');
    const page = await open();
    await typePassword(page, person);
    await waitUntilIn(page);
    await page.goto(`${stage.server.url}/settings/account`);
    const profile = page.getByRole('form', { name: 'Profile' });
    await profile.getByLabel('Name').fill('Fay Wray');
    await profile.getByLabel('Language').fill('nonsense tag');
    await profile.getByRole('button', { name: 'Save' }).click();
    await expectAlert(page, /^Locale: must be a BCP 47/);
    await profile.getByLabel('Language').fill('de');
    await profile.getByRole('button', { name: 'Save' }).click();
    await profile.getByText('Saved.').waitFor();
    expect(await person.client.profile.get()).toMatchObject({ name: 'Fay Wray', locale: 'de' });

    const form = page.getByRole('form', { name: 'Password' });
    await form.getByLabel('Current password').fill('not this one');
    await form.getByLabel('New password').fill('a sail for every wind');
    await page.keyboard.press('Enter');
    await expectAlert(page, /^Current password: is/);
    await form.getByLabel('Current password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    // The login that made the account for this test.
    await page.getByText('Other logins that ended: 1.').waitFor();
    await logOut(page);
    await typePassword(page, { email: person.email, password: 'a sail for every wind' });
    await waitUntilIn(page);
    await logOut(page);
    await logInAs(stage, page, { ...person, password: 'a sail for every wind' }, '/settings');
    await page.getByRole('heading', { name: 'Profile' }).waitFor();
    await page.context().close();
  }, 60_000);

  test('new backup codes take the place of the earlier ones', async () => {
    const person = await makePerson(stage, mailbox, 'Gwen');
    const { app, backupCodes } = await guard(person);
    const page = await open('/settings/account');
    await typePassword(page, person);
    await page.getByLabel('Code').fill(await app.nextCode());
    await page.keyboard.press('Enter');
    await page.getByText('Backup codes left: 10').waitFor();
    await page.getByRole('button', { name: 'New backup codes' }).click();
    const form = page.getByRole('form', { name: 'New backup codes' });
    await form.getByRole('textbox').fill(app.wrongCode());
    await page.keyboard.press('Enter');
    await expectAlert(page, /^Code: is wrong/);
    await form.getByRole('textbox').fill(await app.nextCode());
    await page.keyboard.press('Enter');
    const list = page.getByRole('list', { name: 'Backup codes' });
    await list.waitFor();
    const codes = await list.getByRole('listitem').allTextContents();
    expect(codes).toHaveLength(10);
    await logOut(page);
    await typePassword(page, person);
    await page.getByLabel('Code').fill(backupCodes[0]!);
    await page.keyboard.press('Enter');
    await expectAlert(page, /wrong or was used already/);
    await page.getByLabel('Code').fill(codes[0]!);
    await page.keyboard.press('Enter');
    await waitUntilIn(page);
    await page.context().close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);
});
