import { createClient, type Client } from '@holdfast/sdk';
import { Secret, TOTP } from 'otpauth';
import type { Page } from 'playwright-core';
import { expect, vi } from 'vitest';
import type { Stage } from './browser.ts';
import type { Mailbox } from './mailbox.ts';

export const PASSWORD = 'a mast in every harbour';
const STEP_MS = 30_000;
/** So much of a step has to be left for a code of it to be typed. */
const MARGIN_MS = 6_000;

export interface Person {
  name: string;
  email: string;
  password: string;
  /** Of a login of their own. */
  client: Client;
}

let people = 0;

/** Somebody with a proven address and a team of their own. */
export async function makePerson(stage: Stage, mailbox: Mailbox, name: string): Promise<Person> {
  people += 1;
  const email = `${name.toLowerCase()}-${people}@example.com`;
  const open = createClient({ baseUrl: stage.server.url });
  await open.account.register({ name, email, password: PASSWORD });
  const link = await mailbox.waitForLink(email, 'verify-email');
  await open.account.verifyEmail({ token: link.split('token=')[1]! });
  const { accessToken } = await open.auth.login({ email, password: PASSWORD });
  const client = createClient({ baseUrl: stage.server.url, token: accessToken });
  return { name, email, password: PASSWORD, client };
}

/**
 * Codes of one authenticator app. A code works once, so each one asked for is of a later step; the server takes
 * those of the step before and after now as well, which makes three without waiting.
 */
export class App {
  readonly #secret: Secret;
  #last = 0;

  constructor(secret: string) {
    this.#secret = Secret.fromBase32(secret);
  }

  async nextCode(): Promise<string> {
    const step = await vi.waitFor(
      () => {
        const now = Date.now();
        const present = Math.floor(now / STEP_MS);
        const chosen = Math.max(this.#last + 1, present - 1);
        const isLate = chosen === present - 1 && STEP_MS - (now % STEP_MS) < MARGIN_MS;
        const usable = isLate ? chosen + 1 : chosen;
        if (usable > present + 1) throw new Error('The next code is not taken yet.');
        return usable;
      },
      { timeout: 2 * STEP_MS, interval: 500 },
    );
    this.#last = step;
    return this.#codeOf(step);
  }

  /** Six digits that are of no step near now. */
  wrongCode(): string {
    const present = Math.floor(Date.now() / STEP_MS);
    const near = new Set([-3, -2, -1, 0, 1, 2, 3].map((offset) => this.#codeOf(present + offset)));
    return ['000000', '111111', '222222', '333333'].find((code) => !near.has(code))!;
  }

  #codeOf(step: number): string {
    const totp = new TOTP({ algorithm: 'SHA1', digits: 6, period: STEP_MS / 1000, secret: this.#secret });
    return totp.generate({ timestamp: step * STEP_MS });
  }
}

/** The same person with a second factor. */
export async function guard({ client }: Person): Promise<{ app: App; backupCodes: string[] }> {
  const { secret } = await client.twoFactor.setUp();
  const app = new App(secret);
  const { backup_codes } = await client.twoFactor.enable({ code: await app.nextCode() });
  return { app, backupCodes: backup_codes };
}

export async function typePassword(page: Page, { email, password }: Pick<Person, 'email' | 'password'>) {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

export async function logInAs(stage: Stage, page: Page, person: Person, path = '/sessions'): Promise<void> {
  await page.goto(`${stage.server.url}${path}`);
  await typePassword(page, person);
  await waitUntilIn(page);
}

export async function waitUntilIn(page: Page): Promise<void> {
  await page.getByRole('navigation', { name: 'Main' }).waitFor();
}

/** Also says what the page shows instead. */
export async function expectAlert(page: Page, text: string | RegExp): Promise<void> {
  await expect.poll(() => page.getByRole('alert').allTextContents()).toEqual([expect.stringMatching(text)]);
}
