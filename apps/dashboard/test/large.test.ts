import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Stage } from './browser.ts';
import { badge } from './scene.ts';

const EVENTS = 100_000;
const BATCH = 100;
const SESSIONS = 1_000;
const OPEN_MS = 1_500;
const LIST_MS = 300;
/** What a busy machine of a build service may add; the figures themselves are printed. */
const PATIENCE = 2;
const FRAMES = 120;

async function inParallel(
  count: number,
  lanes: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function makeLongLog({ client, server }: Stage): Promise<string> {
  const { id } = await client.sessions.create({
    project_id: server.projectId,
    title: 'A long log',
    executor: 'external',
  });
  const { epoch } = await client.leases.claim(id, { holder: 'machine:1', ttl_ms: 3_600_000 });
  const { last_seq } = await client.sessions.get(id);
  const missing = EVENTS - last_seq;
  await inParallel(Math.ceil(missing / BATCH), 4, (batch) => {
    const size = Math.min(BATCH, missing - batch * BATCH);
    const events = Array.from({ length: size }, (_, index) => ({
      type: index % 10 === 0 ? 'build.status' : 'build.output',
      data: { line: batch * BATCH + index, text: `compiled src/module-${index}.ts in ${index} ms` },
    }));
    return client.events.append(id, { epoch, events });
  });
  return id;
}

/** Scrolls through the log by a few rows each frame. @returns milliseconds of each frame, sorted */
function scrollFrames(page: Page): Promise<number[]> {
  return page.evaluate(async (frames) => {
    const box = document.getElementById('log-list')!;
    const times: number[] = [];
    let last = performance.now();
    for (let frame = 0; frame < frames; frame += 1) {
      box.scrollTop -= 130;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      times.push(now - last);
      last = now;
    }
    return times.sort((a, b) => a - b);
  }, FRAMES);
}

describe.skipIf(!process.env['TEST_CHROMIUM'])('the dashboard with much in it', () => {
  let stage: Stage;
  let longId: string;

  beforeAll(async () => {
    stage = await Stage.open();
    longId = await makeLongLog(stage);
    const project_id = stage.server.projectId;
    await inParallel(SESSIONS - 1, 8, (index) =>
      stage.client.sessions.create({ project_id, title: `Session ${index}` }),
    );
  }, 240_000);
  afterAll(() => stage.close());

  const medianOf = async (measure: () => Promise<number>): Promise<number> => {
    const times = [await measure(), await measure(), await measure()];
    return times.sort((a, b) => a - b)[1]!;
  };

  test(`a log of ${EVENTS} events opens in ${OPEN_MS} ms, scrolls, and is searched`, async () => {
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await stage.logIn(page);
    const url = `${stage.server.url}/sessions/${longId}`;
    const open = async (): Promise<number> => {
      const started = performance.now();
      await page.goto(url);
      await page.locator(`[data-seq="${EVENTS}"]`).getByText('build.').waitFor();
      return performance.now() - started;
    };
    const opened = await medianOf(open);
    await badge(page, 'Connection').getByText('live').waitFor();

    const frames = await scrollFrames(page);
    const median = frames[Math.floor(FRAMES / 2)]!;
    const p95 = frames[Math.floor(FRAMES * 0.95)]!;
    console.log(
      `log of ${EVENTS}: opens in ${opened.toFixed(0)} ms; frame ${median.toFixed(1)} ms median, ${p95.toFixed(1)} ms p95`,
    );
    expect(opened).toBeLessThan(OPEN_MS * PATIENCE);
    expect(median).toBeLessThan(40 * PATIENCE);
    // Few rows are in the page, however long the log is.
    expect(await page.getByRole('option').count()).toBeLessThan(100);

    await page.locator('#log-list').press('Home');
    await page.locator('[data-seq="1"]').getByText('session.created').waitFor();
    await page.locator('#log-filter').fill('session.created');
    await page.getByText(/^1 of 100,000$/).waitFor({ timeout: 60_000 });
    expect(await page.getByRole('option').count()).toBe(1);
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 120_000);

  test(`the first page of ${SESSIONS} sessions is there in ${LIST_MS} ms, and all can be scrolled to`, async () => {
    const context = await stage.newContext();
    const page = await stage.newPage(context);
    await stage.logIn(page, stage.server.url, '/documents');
    const opened = await medianOf(async () => {
      await page.goto(`${stage.server.url}/documents/${stage.server.projectId}`);
      await page.getByRole('heading', { name: 'Documents' }).waitFor();
      const started = performance.now();
      await page.getByRole('link', { name: 'Sessions', exact: true }).click();
      await page
        .getByRole('link', { name: /Session \d+/ })
        .first()
        .waitFor();
      return performance.now() - started;
    });
    console.log(`first page of ${SESSIONS} sessions: ${opened.toFixed(0)} ms`);
    expect(opened).toBeLessThan(LIST_MS * PATIENCE);
    const list = page.getByRole('region', { name: 'List of sessions' });
    const oldest = page.getByRole('link', { name: /A long log/ });
    await expect
      .poll(
        async () => {
          await list.evaluate((box) => box.scrollTo(0, box.scrollHeight));
          return oldest.count();
        },
        { timeout: 20_000, interval: 100 },
      )
      .toBe(1);
    expect(await page.getByRole('listitem').count()).toBeLessThan(60);
    await context.close();
    expect(stage.complaints).toEqual([]);
  }, 60_000);
});
