import type { Page } from 'playwright-core';
import { findBarriers, type Stage } from './browser.ts';
import type { Mailbox } from './mailbox.ts';
import type { Person } from './people.ts';

/** With this set, the pictures in docs/images are taken anew. */
const PICTURES = process.env['HOLDFAST_SCREENSHOTS'] === '1' ? 'docs/images' : null;
const PICTURED = ['second-factor', 'team', 'api-keys'];

export const THEMES = ['light', 'dark'] as const;

/** What axe finds on each view that is looked at. */
export class Look {
  readonly found: string[] = [];
  readonly #page: Page;
  readonly #theme: string;

  private constructor(page: Page, theme: string) {
    this.#page = page;
    this.#theme = theme;
  }

  static async open(stage: Stage, theme: 'light' | 'dark'): Promise<{ page: Page; look: Look }> {
    const page = await stage.newPage(await stage.newContext({ colorScheme: theme }));
    return { page, look: new Look(page, theme) };
  }

  async at(name: string): Promise<void> {
    const view = `${name}-${this.#theme}`;
    if (PICTURES !== null && PICTURED.includes(name))
      await this.#page.screenshot({ path: `${PICTURES}/dashboard-${view}.png` });
    this.found.push(...(await findBarriers(this.#page)).map((barrier) => `${view}: ${barrier}`));
  }
}

export const go = (stage: Stage, page: Page, path: string) => page.goto(`${stage.server.url}${path}`);
export const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();

/** @returns the mailed link */
export async function inviteSomebody(mailbox: Mailbox, { client }: Person, email: string): Promise<string> {
  const team = (await client.teams.list()).items[0]!;
  await client.invitations.create(team.id, { email, role: 'member' });
  return mailbox.waitForLink(email, 'invitation');
}
