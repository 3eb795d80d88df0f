import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOGIN, Stage } from './browser.ts';
import { CutProxy } from './cut-proxy.ts';
import {
  answers,
  ask,
  badge,
  expectedLog,
  leaveFile,
  makeScene,
  messageBox,
  partials,
  QUESTION,
  readLog,
  waitForEndOfRun,
  waitForWords,
  watchPartials,
} from './scene.ts';

const CUT_MS = 5_000;

describe.skipIf(!process.env['TEST_CHROMIUM'])('the dashboard in Chromium', () => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open({ OFFLINE_TOKEN_DELAY_MS: '150' });
  }, 120_000);
  afterAll(() => stage.close());

  const expectWholeAnswer = async (page: Page, sessionId: string): Promise<string> => {
    const messages = (await stage.client.messages.list(sessionId)).items;
    const content = messages.findLast(({ role }) => role === 'assistant')!.content;
    await expect
      .poll(() => answers(page).count())
      .toBe(messages.filter(({ role }) => role === 'assistant').length);
    expect(await answers(page).last().locator('> div').textContent()).toBe(content);
    return content;
  };

  test('log in, upload a document, begin a session, ask, and watch the answer come', async () => {
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await page.goto(stage.server.url);
    await page.getByLabel('E-mail').fill(LOGIN.email);
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').waitFor();
    await stage.logIn(page);

    await page.getByRole('link', { name: 'Documents' }).click();
    await page.getByLabel('Files to upload').setInputFiles([leaveFile]);
    await page.getByRole('list', { name: 'Documents' }).getByText('leave.md').waitFor();
    await page.getByLabel('Search the documents').fill('parental leave');
    await page.getByRole('list', { name: 'Passages' }).getByText('26 weeks').first().waitFor();

    await page.getByRole('link', { name: 'Sessions', exact: true }).click();
    await page.getByRole('button', { name: 'New session' }).click();
    await page.getByLabel('Title').fill('A first question');
    await page.getByRole('button', { name: 'Create session' }).click();
    await badge(page, 'Connection').getByText('live').waitFor();
    const sessionId = page.url().split('/').at(-1)!;

    const seen = await watchPartials(page);
    await ask(page, QUESTION);
    await waitForWords(page);
    await waitForEndOfRun(page);
    const content = await expectWholeAnswer(page, sessionId);
    expect(content).toContain('26 weeks');
    // It grew word by word, and never said what was not recorded.
    const steps = (await seen()).filter((text) => !text.startsWith('Thinking…'));
    expect(steps.length).toBeGreaterThan(10);
    expect(steps.filter((text) => !content.startsWith(text))).toEqual([]);

    await page.locator('summary').getByText('search_documents').click();
    await page.getByRole('region', { name: 'Output' }).getByText('26 weeks').first().waitFor();
    expect(await readLog(page)).toEqual(await expectedLog(stage, sessionId));
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 90_000);

  test('a network that is away for 5 s in mid-answer loses nothing and repeats nothing; a second window agrees', async () => {
    const { sessionId, path } = await makeScene(stage, 'Through a tunnel');
    const proxy = await CutProxy.open(stage.server.port);
    const contexts = [await stage.newContext(), await stage.newContext()] as const;
    const page = await stage.newPage(contexts[0], proxy.url);
    const other = await stage.newPage(contexts[1]);
    await stage.logIn(page, proxy.url, path);
    await stage.logIn(other, stage.server.url, path);
    for (const window of [page, other]) await badge(window, 'Connection').getByText('live').waitFor();
    const seen = await watchPartials(page);

    await ask(page, QUESTION);
    await Promise.all([waitForWords(page), waitForWords(other)]);
    proxy.cut();
    await badge(page, 'Connection').getByText('reconnecting…').waitFor();
    await pause(CUT_MS);
    // The answer has gone on for those who could see it.
    const [there, here] = await Promise.all([other, page].map((window) => partials(window).textContent()));
    expect(there!.length).toBeGreaterThan(here!.length + 20);
    proxy.mend();
    await badge(page, 'Connection').getByText('live').waitFor();
    await expect
      .poll(async () => (await partials(page).textContent())!.length)
      .toBeGreaterThan(there!.length);

    await Promise.all([waitForEndOfRun(page), waitForEndOfRun(other)]);
    const content = await expectWholeAnswer(page, sessionId);
    await expectWholeAnswer(other, sessionId);
    const steps = (await seen()).filter((text) => !text.startsWith('Thinking…'));
    expect(steps.filter((text) => !content.startsWith(text))).toEqual([]);
    const log = await expectedLog(stage, sessionId);
    expect(await readLog(page)).toEqual(log);
    expect(await readLog(other)).toEqual(log);

    await page.reload();
    await badge(page, 'Connection').getByText('live').waitFor();
    await expectWholeAnswer(page, sessionId);
    expect(await readLog(page)).toEqual(log);
    await Promise.all(contexts.map((context) => context.close()));
    proxy.close();
    expect(stage.complaints).toEqual([]);
  }, 120_000);

  test('a run can be cancelled in mid-answer and another one started', async () => {
    const { path } = await makeScene(stage, 'Changed my mind');
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await stage.logIn(page, stage.server.url, path);
    await ask(page, QUESTION);
    await waitForWords(page);
    await page.getByRole('button', { name: 'Cancel run' }).click();
    await waitForEndOfRun(page);
    await page.getByText('The run was cancelled: cancelled from the dashboard.').waitFor();
    expect(await partials(page).count()).toBe(0);
    await page.getByRole('button', { name: 'Start run' }).click();
    await waitForWords(page);
    await page.getByRole('button', { name: 'Cancel run' }).click();
    await waitForEndOfRun(page);
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('a message whose answer was lost is there once', async () => {
    const { sessionId, path } = await makeScene(stage, 'Said once');
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await stage.logIn(page, stage.server.url, path);
    await badge(page, 'Connection').getByText('live').waitFor();
    let posts = 0;
    await page.route('**/messages', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      posts += 1;
      if (posts > 1) return route.continue();
      await route.fetch();
      await route.abort();
    });
    await ask(page, 'Hello?');
    await expect.poll(() => posts, { timeout: 10_000 }).toBe(2);
    await waitForEndOfRun(page);
    const said = (await stage.client.messages.list(sessionId)).items.filter(({ role }) => role === 'user');
    expect(said.map(({ content }) => content)).toEqual(['Hello?']);
    await expect.poll(() => page.getByText('Hello?', { exact: true }).count()).toBe(1);
    await context.close();
  }, 60_000);

  test('a session that could not be opened is opened by trying again', async () => {
    await makeScene(stage, 'Behind a wall');
    const proxy = await CutProxy.open(stage.server.port);
    const context = await stage.newContext();
    const page = await stage.newPage(context, proxy.url);
    await stage.logIn(page, proxy.url);
    await page.getByRole('link', { name: /Behind a wall/ }).waitFor();
    proxy.cut();
    await page.getByRole('link', { name: /Behind a wall/ }).click();
    const retry = page.getByRole('alert').getByRole('button', { name: 'Retry' });
    await retry.waitFor({ timeout: 30_000 });
    proxy.mend();
    await retry.click();
    await badge(page, 'Connection').getByText('live').waitFor();
    await context.close();
    proxy.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);

  test('a login that is refused leads back to the login page, and from there to where one was', async () => {
    const { path } = await makeScene(stage, 'Come back');
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await stage.logIn(page, stage.server.url, path);
    await messageBox(page).waitFor();
    await page.evaluate(() => {
      const kept = JSON.parse(sessionStorage.getItem('holdfast.login')!) as { login: object };
      const login = { ...kept.login, accessToken: 'x.y.z', refreshToken: 'x' };
      sessionStorage.setItem('holdfast.login', JSON.stringify({ ...kept, login }));
    });
    await page.reload();
    await page.getByText('Your login was ended.').waitFor();
    await page.getByLabel('E-mail').fill(LOGIN.email);
    await page.getByLabel('Password').fill(LOGIN.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Come back' }).waitFor();
    await context.close();
  }, 60_000);
});
