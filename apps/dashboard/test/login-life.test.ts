import { createClient } from '@holdfast/sdk';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOGIN, Stage } from './browser.ts';
import { logInAs, typePassword, waitUntilIn } from './people.ts';
import { ask, badge, makeScene, messageBox, waitForEndOfRun } from './scene.ts';

const OWNER = { name: 'Owner', ...LOGIN };

describe.skipIf(!process.env['TEST_CHROMIUM'])('the life of a login', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ OFFLINE_TOKEN_DELAY_MS: '0', TOKEN_TTL_HOURS: '1' });
  }, 120_000);
  afterAll(() => stage.close());

  const tokenOf = (page: Page): Promise<string | null> =>
    page.evaluate(() => {
      const kept = sessionStorage.getItem('holdfast.login');
      return kept === null
        ? null
        : (JSON.parse(kept) as { login: { accessToken: string } }).login.accessToken;
    });
  const logIn = async (page: Page, path?: string): Promise<void> =>
    logInAs(stage, page, { ...OWNER, client: stage.client }, path);
  const loggedInElsewhere = async () => {
    const { accessToken } = await createClient({ baseUrl: stage.server.url }).auth.login(LOGIN);
    return createClient({ baseUrl: stage.server.url, token: accessToken });
  };
  /** What a browser does when a tab is duplicated. */
  async function duplicate(context: BrowserContext, page: Page): Promise<Page> {
    const kept = await page.evaluate(() => sessionStorage.getItem('holdfast.login')!);
    const copy = await stage.newPage(context);
    await copy.goto(`${stage.server.url}/favicon.svg`);
    await copy.evaluate((value) => sessionStorage.setItem('holdfast.login', value), kept);
    await copy.goto(`${stage.server.url}/sessions`);
    await waitUntilIn(copy);
    return copy;
  }

  test('a token is renewed before its end, in every window of the login, and nothing on the page is lost', async () => {
    const { path } = await makeScene(stage, 'A long afternoon');
    const context = await stage.newContext();
    await context.clock.install();
    const page = await stage.newPage(context);
    await logIn(page, path);
    await badge(page, 'Connection').getByText('live').waitFor();
    await ask(page, 'Hello?');
    await waitForEndOfRun(page);
    await messageBox(page).fill('Not sent yet');
    const copy = await duplicate(context, page);
    const first = await tokenOf(page);
    expect(await tokenOf(copy)).toBe(first);

    await page.clock.fastForward('00:56:00');
    await expect.poll(() => tokenOf(page)).not.toBe(first);
    const second = await tokenOf(page);
    await expect.poll(() => tokenOf(copy)).toBe(second);
    expect(await messageBox(page).inputValue()).toBe('Not sent yet');
    await page.keyboard.press('Enter');
    await page.getByRole('article', { name: 'Message of the user' }).getByText('Not sent yet').waitFor();

    // A login ends in all of its windows.
    await copy.getByRole('button', { name: 'Log out', exact: true }).click();
    await page.getByLabel('E-mail').waitFor();
    const api = createClient({ baseUrl: stage.server.url, token: second! });
    await expect
      .poll(() =>
        api.me.get().then(
          () => 'in',
          () => 'out',
        ),
      )
      .toBe('out');
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('a stream whose token is refused goes on with another one', async () => {
    const { path, sessionId } = await makeScene(stage, 'Through the night');
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await logIn(page, path);
    await badge(page, 'Connection').getByText('live').waitFor();
    // The first stream after this is answered as one is whose token has just ended.
    let refused = 0;
    await page.route(`**/api/v1/sessions/${sessionId}/events?*`, async (route) => {
      if (route.request().headers()['accept'] !== 'text/event-stream') return route.continue();
      refused += 1;
      if (refused > 1) return route.continue();
      const body = { success: false, code: 'UNAUTHORIZED', message: 'The token has ended.', statusCode: 401 };
      return route.fulfill({ status: 401, json: body });
    });
    const version = (): Promise<number> =>
      page.evaluate(
        () => (JSON.parse(sessionStorage.getItem('holdfast.login')!) as { version: number }).version,
      );
    expect(await version()).toBe(1);
    await page.reload();
    await badge(page, 'Connection').getByText('live').waitFor();
    expect(refused).toBe(2);
    expect(await version()).toBe(2);
    await stage.client.messages.post(sessionId, { content: 'Still there?' });
    await page.getByText('Still there?').first().waitFor();
    await context.close();
  }, 60_000);

  test('a login that is ended elsewhere leads to the log-in page, with a notice, and back', async () => {
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await logIn(page, '/settings/account');
    const elsewhere = await loggedInElsewhere();
    await elsewhere.auth.revokeOtherSessions();
    // Whichever request is the next one notices it.
    await page.keyboard.press('g');
    await page.keyboard.press('d');
    await page.getByText('Your login was ended.').waitFor();
    const { pathname } = new URL(page.url());
    await typePassword(page, LOGIN);
    const heading = pathname.startsWith('/documents') ? 'Documents' : 'Profile';
    await page.getByRole('heading', { name: heading }).waitFor();
    await context.close();
  }, 60_000);

  test('one sees where one is logged in, and ends it there', async () => {
    const elsewhere = [await loggedInElsewhere(), await loggedInElsewhere(), await loggedInElsewhere()];
    const isIn = (index: number) =>
      elsewhere[index]!.me.get().then(
        () => true,
        () => false,
      );
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await logIn(page, '/settings/account');
    const rows = page.getByRole('table', { name: 'Logins' }).locator('tbody tr');
    await rows.first().getByText('This one').waitFor();
    expect(await rows.first().getByRole('button').count()).toBe(0);
    expect(await rows.first().textContent()).toContain('Chrome on Linux');
    // Newest first: the second row is the last of the others.
    await rows.nth(1).getByRole('button').click();
    await expect.poll(() => isIn(2)).toBe(false);
    expect(await isIn(1)).toBe(true);
    await page.getByRole('button', { name: 'Log out everywhere else' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Log out everywhere else' }).click();
    await expect.poll(() => rows.count()).toBe(1);
    expect([await isIn(0), await isIn(1)]).toEqual([false, false]);
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('where accounts are made by invitation, nobody is offered to make one', async () => {
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await page.goto(stage.server.url);
    await page.getByRole('link', { name: 'Forgot your password?' }).waitFor();
    expect(await page.getByRole('link', { name: 'Create an account' }).count()).toBe(0);
    await page.goto(`${stage.server.url}/register`);
    await page.getByText('Accounts are made by invitation here.').waitFor();
    await context.close();
  });
});
