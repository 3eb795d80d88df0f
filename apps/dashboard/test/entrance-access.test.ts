import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';
import { go, inviteSomebody, Look, THEMES } from './look.ts';
import { Mailbox } from './mailbox.ts';
import { makePerson, typePassword } from './people.ts';

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
    'before one is in, %s',
    async (theme) => {
      const person = await makePerson(stage, mailbox, `Ann-${theme}`);
      const { page, look } = await Look.open(stage, theme);
      await go(stage, page, '/');
      await page.getByRole('link', { name: 'Create an account' }).waitFor();
      await look.at('login');
      await typePassword(page, { email: person.email, password: 'not this one' });
      await page.getByRole('alert').waitFor();
      await look.at('login-refused');
      await go(stage, page, '/register');
      await page.getByLabel('Name').waitFor();
      await look.at('register');
      await go(stage, page, '/forgot-password');
      await page.getByLabel('E-mail').fill(person.email);
      await look.at('forgot-password');
      await page.keyboard.press('Enter');
      await page.getByRole('status').waitFor();
      await look.at('link-mailed');
      await page.goto(await mailbox.waitForLink(person.email, 'reset-password'));
      await page.getByRole('button', { name: 'Change the password' }).waitFor();
      await look.at('reset-password');
      await go(stage, page, '/verify-email');
      await page.getByRole('alert').waitFor();
      await look.at('verify-email');
      await page.goto(await inviteSomebody(mailbox, person, `bob-${theme}@example.com`));
      await page.getByLabel('Your name').waitFor();
      await look.at('invitation');
      expect(look.found).toEqual([]);
      await page.context().close();
      expect(stage.complaints).toEqual([]);
    },
    60_000,
  );
});
