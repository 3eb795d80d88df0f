import type { BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { findBarriers, type Stage } from './browser.ts';

/** With this set, the pictures in docs/images are taken anew. */
const PICTURES = process.env['HOLDFAST_SCREENSHOTS'] === '1' ? 'docs/images' : null;

export const THEMES = ['light', 'dark'] as const;

/** A window that is logged in at a page of the settings. */
export async function openSettings(
  stage: Stage,
  path: string,
  options: Parameters<Stage['newContext']>[0] = {},
): Promise<{ context: BrowserContext; page: Page }> {
  const context = await stage.newContext(options);
  const page = await stage.newPage(context);
  await stage.logIn(page, stage.server.url, `/settings/${path}`);
  return { context, page };
}

/** @param picture name of the picture in docs/images that this view is */
export async function barriersOf(page: Page, name: string, picture?: string): Promise<string[]> {
  if (PICTURES !== null && picture !== undefined)
    await page.screenshot({ path: `${PICTURES}/dashboard-${picture}.png` });
  return (await findBarriers(page)).map((barrier) => `${name}: ${barrier}`);
}

/** What holds after a while, as on a busy machine. */
export const eventually = <T>(read: () => T | Promise<T>) =>
  expect.poll(read, { timeout: 10_000, interval: 50 });
