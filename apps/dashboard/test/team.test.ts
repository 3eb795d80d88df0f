import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';
import { Mailbox } from './mailbox.ts';
import {
  expectAlert,
  logInAs,
  makePerson,
  PASSWORD,
  typePassword,
  waitUntilIn,
  type Person,
} from './people.ts';

describe.skipIf(!process.env['TEST_CHROMIUM'])('a team', () => {
  let mailbox: Mailbox;
  let stage: Stage;
  let owner: Person;

  beforeAll(async () => {
    mailbox = await Mailbox.open();
    stage = await Stage.open({ ...mailbox.settings, REGISTRATION: 'open' });
    owner = await makePerson(stage, mailbox, 'Olga');
  }, 120_000);
  afterAll(async () => {
    await stage.close();
    await mailbox.close();
  });

  const open = async (): Promise<Page> => stage.newPage(await stage.newContext());
  const members = (page: Page) => page.getByRole('table', { name: 'Members' });
  const invite = async (page: Page, email: string, role: string): Promise<void> => {
    const form = page.getByRole('form', { name: 'Invite' });
    await form.getByLabel('E-mail').fill(email);
    await form.getByLabel('Role').selectOption(role);
    await form.getByRole('button', { name: 'Invite' }).click();
    await page.getByText(`${email} is invited.`).waitFor();
  };

  test('who is invited makes an account, joins, and may do what the role allows from then on', async () => {
    const boss = await open();
    await logInAs(stage, boss, owner, '/settings/team');
    await boss.getByRole('heading', { name: 'Members of Olga' }).waitFor();
    await invite(boss, 'nils@example.com', 'Read only');
    const invitations = boss.getByRole('table', { name: 'Invitations' });
    await invitations.getByText('pending').waitFor();

    const page = await open();
    await page.goto(await mailbox.waitForLink('nils@example.com', 'invitation'));
    await page.getByText('Olga invites n***@example.com to the team Olga as read only.').waitFor();
    expect(page.url()).toBe(`${stage.server.url}/invitation`);
    await page.getByLabel('Your name').fill('Nils');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Create account and join' }).click();
    await page.getByRole('button', { name: 'Open Olga' }).click();
    await page.getByRole('heading', { name: 'Sessions' }).waitFor();
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('link', { name: 'Team', exact: true }).click();
    await members(page).getByText('nils@example.com').waitFor();
    // A reader is offered nothing but to leave.
    expect(await members(page).getByRole('combobox').count()).toBe(0);
    expect(await members(page).getByRole('button').allTextContents()).toEqual(['Leave']);
    expect(await page.getByRole('form', { name: 'Invite' }).count()).toBe(0);
    expect(await page.getByRole('link', { name: 'API keys' }).count()).toBe(0);

    await boss.reload();
    await invitations.getByText('accepted').waitFor();
    await boss.getByLabel('Role of Nils').selectOption('Admin');
    await page.reload();
    await page.getByRole('form', { name: 'Invite' }).waitFor();
    await page.getByRole('link', { name: 'API keys' }).waitFor();
    // An admin does not reach owners.
    expect(await page.getByLabel('Role of Nils').locator('option').allTextContents()).toEqual([
      'Admin',
      'Member',
      'Read only',
    ]);
    expect(await page.getByRole('button', { name: 'Remove Olga' }).count()).toBe(0);

    await boss.getByRole('button', { name: 'Remove Nils' }).click();
    await boss.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await expect.poll(() => members(boss).getByText('nils@example.com').count()).toBe(0);
    // The only team of this login: nothing is left to see.
    await page.getByRole('link', { name: 'Sessions' }).click();
    await page.getByText('Your login was ended.').waitFor();
    await boss.context().close();
    await page.context().close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('who has an account logs in to accept, switches between teams, and leaves', async () => {
    const guest = await makePerson(stage, mailbox, 'Gil');
    const boss = await open();
    await logInAs(stage, boss, owner, '/settings/team');
    await invite(boss, guest.email, 'Member');
    const page = await open();
    await page.goto(await mailbox.waitForLink(guest.email, 'invitation'));
    await page.getByText('Log in with that address to accept.').waitFor();
    await typePassword(page, guest);
    await page.getByRole('button', { name: `Accept as ${guest.email}` }).click();
    await page.getByRole('button', { name: 'Open Olga' }).click();
    await waitUntilIn(page);
    await page.goto(`${stage.server.url}/settings/team`);
    await page.getByRole('heading', { name: 'Members of Olga' }).waitFor();
    await page.getByRole('button', { name: 'Switch to Gil' }).click();
    await page.getByRole('heading', { name: 'Members of Gil' }).waitFor();
    // The last owner stays, and is where they were.
    await page.getByRole('button', { name: 'Leave the team' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click();
    await expectAlert(page, /A team keeps at least one owner/);
    await page.reload();
    await page.getByRole('heading', { name: 'Members of Gil' }).waitFor();
    await page.getByRole('button', { name: 'Switch to Olga' }).click();
    await page.getByRole('heading', { name: 'Members of Olga' }).waitFor();
    await page.getByRole('button', { name: 'Leave the team' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('heading', { name: 'Members of Gil' }).waitFor();
    expect(await page.getByRole('button', { name: 'Switch to Olga' }).count()).toBe(0);

    await page.getByLabel('Name of a new team').fill('Garden');
    await page.getByRole('button', { name: 'Create the team' }).click();
    await page.getByRole('button', { name: 'Switch to Garden' }).click();
    await page.getByRole('heading', { name: 'Members of Garden' }).waitFor();
    await page.getByRole('form', { name: 'Name of the team' }).getByLabel('Name').fill('Orchard');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('heading', { name: 'Members of Orchard' }).waitFor();
    await page.getByText(`${guest.email} · Orchard`).waitFor();
    await boss.context().close();
    await page.context().close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('an invitation that is withdrawn, or for somebody else, lets nobody in', async () => {
    const boss = await open();
    await logInAs(stage, boss, owner, '/settings/team');
    await invite(boss, 'zoe@example.com', 'Member');
    const link = await mailbox.waitForLink('zoe@example.com', 'invitation');
    await boss.goto(link);
    await boss.getByRole('button', { name: `Accept as ${owner.email}` }).click();
    await expectAlert(boss, /another e-mail address/);
    await boss.goto(`${stage.server.url}/settings/team`);
    await boss.getByRole('button', { name: 'Withdraw the invitation of zoe@example.com' }).click();
    await boss.getByRole('table', { name: 'Invitations' }).getByText('revoked').waitFor();
    const page = await open();
    await page.goto(link);
    await expectAlert(page, /used, replaced or withdrawn/);
    await page.goto('about:blank');
    await page.goto(`${stage.server.url}/invitation`);
    await expectAlert(page, /not complete/);
    await boss.context().close();
    await page.context().close();
  }, 60_000);
});
