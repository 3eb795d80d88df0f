import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';
import { go, inviteSomebody, Look, press, THEMES } from './look.ts';
import { Mailbox } from './mailbox.ts';
import { App, makePerson, PASSWORD, typePassword, waitUntilIn } from './people.ts';

describe.skipIf(!process.env['TEST_CHROMIUM'])('axe finds nothing', () => {
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

  test.each(THEMES)(
    'on the settings of an account, %s',
    async (theme) => {
      const person = await makePerson(stage, mailbox, 'Ann');
      const { page, look } = await Look.open(stage, theme);
      await go(stage, page, '/settings/account');
      await typePassword(page, person);
      await page.getByRole('table', { name: 'Logins' }).getByText('This one').waitFor();
      await page.getByRole('form', { name: 'Profile' }).waitFor();
      await look.at('account');
      await press(page, 'Set up');
      await page.getByRole('img', { name: /^QR code/ }).waitFor();
      await look.at('set-up');
      const app = new App((await page.locator('code').textContent())!);
      await page.getByLabel('Code').fill(await app.nextCode());
      await press(page, 'Turn on');
      await page.getByRole('list', { name: 'Backup codes' }).waitFor();
      await page.getByRole('heading', { name: 'Second factor' }).scrollIntoViewIfNeeded();
      await look.at('backup-codes');
      await press(page, 'I have kept them');
      await press(page, 'New backup codes');
      await page.getByRole('form', { name: 'New backup codes' }).waitFor();
      await look.at('new-backup-codes');
      await press(page, 'Cancel');
      await press(page, 'Turn off');
      await page.getByRole('form', { name: 'Turn off the second factor' }).waitFor();
      await look.at('turn-off');
      await press(page, 'Log out everywhere else');
      await page.getByRole('dialog').waitFor();
      await look.at('log-out-everywhere');
      await page.keyboard.press('Escape');
      await press(page, 'Log out');
      await typePassword(page, person);
      await page.getByLabel('Code').waitFor();
      await look.at('second-factor');
      await page.getByLabel('Code').fill(await app.nextCode());
      await press(page, 'Continue');
      await waitUntilIn(page);
      expect(look.found).toEqual([]);
      await page.context().close();
      expect(stage.complaints).toEqual([]);
    },
    60_000,
  );

  test.each(THEMES)(
    'on the settings of a team, %s',
    async (theme) => {
      const person = await makePerson(stage, mailbox, 'Ann');
      const { page, look } = await Look.open(stage, theme);
      for (const [index, name] of ['Ben', 'Cem'].entries()) {
        const link = await inviteSomebody(mailbox, person, `${name.toLowerCase()}-${theme}@example.com`);
        // One of the two has not joined yet.
        if (index === 0)
          await stage.visitor.invitations.accept(link.split('token=')[1]!, { name, password: PASSWORD });
      }
      await person.client.apiKeys.create({ name: 'Nightly build', scopes: ['read', 'write'] });
      const old = await person.client.apiKeys.create({ name: 'Old laptop', scopes: ['admin'] });
      await person.client.apiKeys.revoke(old.id);
      await go(stage, page, '/settings/team');
      await typePassword(page, person);
      await page.getByRole('button', { name: 'Remove Ben' }).waitFor();
      await page.getByText('pending').waitFor();
      await look.at('team');
      await page.getByRole('button', { name: 'Remove Ben' }).click();
      await page.getByRole('dialog').waitFor();
      await look.at('remove-member');
      await page.keyboard.press('Escape');
      await page.getByRole('link', { name: 'API keys' }).click();
      await page.getByRole('button', { name: 'Rotate Nightly build' }).waitFor();
      await look.at('api-keys');
      await page.getByRole('button', { name: 'Rotate Nightly build' }).click();
      await page.getByRole('dialog').waitFor();
      await look.at('rotate-key');
      await page.keyboard.press('Escape');
      await press(page, 'New key');
      await page.getByRole('dialog').getByLabel('Name').fill('Reports');
      await look.at('new-key');
      await press(page, 'Create the key');
      await page.getByLabel('Secret of Reports').waitFor();
      await look.at('key-secret');
      expect(look.found).toEqual([]);
      await page.context().close();
      expect(stage.complaints).toEqual([]);
    },
    60_000,
  );
});
