import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Stage } from './browser.ts';

export const QUESTION = 'How many weeks of parental leave does every parent get?';
const LEAVE = [
  '# Leave',
  '## Parental leave',
  'Every parent gets 26 weeks of paid parental leave. The parental leave can be split into three parts.',
  'Parental leave begins at the earliest four weeks before the birth of the child.',
  '## Holidays',
  'There are 30 days of holidays in a year. Up to five of them can be taken in the next year.',
].join('\n\n');

export interface Scene {
  projectId: string;
  agentId: string;
  sessionId: string;
  path: string;
}

/** A session whose agent can answer `QUESTION` from a document. */
export async function makeScene({ client, server }: Stage, title: string): Promise<Scene> {
  const { projectId } = server;
  await client.documents.upload(projectId, { name: 'leave.md', content: LEAVE });
  const agent = await client.agents.create({
    project_id: projectId,
    name: 'Assistant',
    tools: ['search_documents', 'read_document'],
  });
  const session = await client.sessions.create({ project_id: projectId, agent_id: agent.id, title });
  return { projectId, agentId: agent.id, sessionId: session.id, path: `/sessions/${session.id}` };
}

export const leaveFile = { name: 'leave.md', mimeType: 'text/markdown', buffer: Buffer.from(LEAVE) };

export const messageBox = (page: Page) => page.getByRole('textbox', { name: 'Message' });
export const partials = (page: Page) => page.locator('[data-partial="true"]');
export const answers = (page: Page) => page.getByRole('article', { name: 'Answer' });
export const badge = (page: Page, name: 'Run' | 'Connection') =>
  page.getByRole('status', { name, exact: true });

export async function ask(page: Page, text: string): Promise<void> {
  await messageBox(page).fill(text);
  await messageBox(page).press('Enter');
}

/** Text of an unfinished answer has begun to come. */
export async function waitForWords(page: Page, atLeast = 8): Promise<void> {
  const length = async () =>
    (await partials(page).allTextContents()).join('').replace('Thinking… ', '').length;
  await expect.poll(length, { timeout: 20_000, interval: 50 }).toBeGreaterThan(atLeast);
}

export async function waitForEndOfRun(page: Page): Promise<void> {
  await badge(page, 'Run').getByText('no run').waitFor({ timeout: 60_000 });
}

/** Number and type of each event that the log shows, as the page has them. */
export function readLog(page: Page): Promise<string[]> {
  return page
    .getByRole('option')
    .evaluateAll((rows) =>
      rows.map(
        (row) =>
          `${(row as HTMLElement).dataset['seq']} ${row.querySelectorAll('span > span')[2]?.textContent}`,
      ),
    );
}

/** The same, as the server has them. */
export async function expectedLog({ client }: Stage, sessionId: string): Promise<string[]> {
  const { items } = await client.events.page(sessionId, { limit: 1000 });
  return items.map(({ seq, type }) => `${seq} ${type}`);
}

/** From now on, collects what an unfinished answer looks like every few milliseconds. */
export async function watchPartials(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(globalThis, { seenPartials: seen });
    setInterval(() => {
      const text = document.querySelector('[data-partial="true"] > div')?.textContent;
      if (text !== undefined && text !== null && text !== seen.at(-1)) seen.push(text);
    }, 20);
  });
  return () => page.evaluate(() => (globalThis as unknown as { seenPartials: string[] }).seenPartials);
}
