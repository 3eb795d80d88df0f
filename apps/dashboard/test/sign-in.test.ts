import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';
import { Mailbox } from './mailbox.ts';
import { App, expectAlert, guard, makePerson, PASSWORD, typePassword, waitUntilIn } from './people.ts';

/** Attempts at a second factor are limited so that a test reaches the limit. */
const LIMITS = '{"*":{"minute":1000000},"two_factor":{"minute":7}}';

describe.skipIf(!process.env['TEST_CHROMIUM'])('getting in', () => {
  let mailbox: Mailbox;
  let stage: Stage;

  beforeAll(async () => {
    mailbox = await Mailbox.open();
    stage = await Stage.open({ ...mailbox.settings, REGISTRATION: 'open', RATE_LIMITS: LIMITS });
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
  const codeField = (page: Page) => page.getByLabel('Code');
  const logOut = (page: Page) => page.getByRole('button', { name: 'Log out', exact: true }).click();

  test('an account is made, its address confirmed, a second factor set up, and then asked for', async () => {
    const email = 'ada@example.com';
    const page = await open();
    await page.getByRole('link', { name: 'Create an account' }).click();
    await page.getByLabel('Name').fill('Ada');
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Create the account' }).click();
    await page.getByRole('button', { name: 'Mail the link again' }).waitFor();
    await page.goto(await mailbox.waitForLink(email, 'verify-email'));
    await page.getByRole('button', { name: 'Confirm the address' }).click();
    await page.getByText(`${email} is confirmed.`).waitFor();
    // The token is neither on the screen nor in the history.
    expect(page.url()).toBe(`${stage.server.url}/verify-email`);
    await page.getByRole('link', { name: 'Go to the log-in page' }).click();
    await typePassword(page, { email, password: PASSWORD });
    await waitUntilIn(page);

    await page.goto(`${stage.server.url}/settings/account`);
    await page.getByRole('button', { name: 'Set up' }).click();
    const qr = page.getByRole('img', { name: /^QR code/ });
    await qr.waitFor();
    expect(
      await qr.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth),
    ).toBeGreaterThan(20);
    const app = new App((await page.locator('code').textContent())!);
    await codeField(page).fill(app.wrongCode());
    await page.getByRole('button', { name: 'Turn on' }).click();
    await expectAlert(page, /Code: is wrong/);
    await codeField(page).fill(await app.nextCode());
    await page.getByRole('button', { name: 'Turn on' }).click();
    const list = page.getByRole('list', { name: 'Backup codes' });
    await list.waitFor();
    const codes = await list.getByRole('listitem').allTextContents();
    expect(codes).toHaveLength(10);
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    expect((await download).suggestedFilename()).toBe('holdfast-backup-codes.txt');
    await page.getByRole('button', { name: 'I have kept them' }).click();
    await page.getByText('Backup codes left: 10').waitFor();
    await expect.poll(() => page.getByText(codes[0]!).count()).toBe(0);

    await logOut(page);
    await typePassword(page, { email, password: PASSWORD });
    expect(await codeField(page).getAttribute('autocomplete')).toBe('one-time-code');
    await expect.poll(() => codeField(page).evaluate((field) => field === document.activeElement)).toBe(true);
    await codeField(page).fill(app.wrongCode());
    await page.keyboard.press('Enter');
    await expectAlert(page, /The code is wrong or was used already/);
    expect(await codeField(page).inputValue()).toBe('');
    await codeField(page).fill(await app.nextCode());
    await page.keyboard.press('Enter');
    await waitUntilIn(page);
    await page.context().close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('a backup code lets in once; with another one the second factor is turned off', async () => {
    const person = await makePerson(stage, mailbox, 'Bea');
    const { backupCodes } = await guard(person);
    const page = await open();
    await typePassword(page, person);
    // However it is written.
    await codeField(page).fill(backupCodes[0]!.toUpperCase().replaceAll('-', ' '));
    await page.keyboard.press('Enter');
    await waitUntilIn(page);
    await logOut(page);
    await typePassword(page, person);
    await codeField(page).fill(backupCodes[0]!);
    await page.keyboard.press('Enter');
    await expectAlert(page, /wrong or was used already/);
    await page.getByRole('button', { name: 'Start again' }).click();
    await typePassword(page, person);
    await codeField(page).fill(backupCodes[1]!);
    await page.keyboard.press('Enter');
    await waitUntilIn(page);
    await page.goto(`${stage.server.url}/settings/account`);
    await page.getByText('Backup codes left: 8').waitFor();
    await page.getByRole('button', { name: 'Turn off' }).click();
    const form = page.getByRole('form', { name: 'Turn off the second factor' });
    await form.getByLabel('Password').fill('not this one');
    await form.getByLabel('Code').fill(backupCodes[2]!);
    await page.keyboard.press('Enter');
    await expectAlert(page, /Password: is wrong/);
    await form.getByLabel('Password').fill(PASSWORD);
    await form.getByLabel('Code').fill(backupCodes[2]!);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Set up' }).waitFor();
    await logOut(page);
    await typePassword(page, person);
    await waitUntilIn(page);
    await page.context().close();
  }, 60_000);

  test('with the keyboard alone', async () => {
    const person = await makePerson(stage, mailbox, 'Cleo');
    const { app } = await guard(person);
    const page = await open('/documents');
    await page.getByLabel('E-mail').waitFor();
    await page.keyboard.type(person.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(person.password);
    await page.keyboard.press('Enter');
    await codeField(page).waitFor();
    await page.keyboard.type(await app.nextCode());
    await page.keyboard.press('Enter');
    // Back to where one wanted to go.
    await page.getByRole('heading', { name: 'Documents' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.getByRole('heading', { name: 'Profile' }).waitFor();
    await page.context().close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('who tries too many codes is told how long to wait', async () => {
    const person = await makePerson(stage, mailbox, 'Dora');
    const { app, backupCodes } = await guard(person);
    for (let tried = 1; tried < 7; tried += 1)
      await person.client.twoFactor.regenerateBackupCodes({ code: app.wrongCode() }).catch(() => undefined);
    const page = await open();
    await typePassword(page, person);
    await codeField(page).fill(backupCodes[0]!);
    await page.keyboard.press('Enter');
    await expectAlert(page, /^Too many attempts\. Try again in \d+ s\.$/);
    const button = page.getByRole('button', { name: /^Wait \d+ s$/ });
    const first = await button.textContent();
    expect(await button.isDisabled()).toBe(true);
    await expect.poll(() => button.textContent(), { timeout: 5000 }).not.toBe(first);
    await page.context().close();
  }, 60_000);
});
