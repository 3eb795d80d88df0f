import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { startServer, type LocalServer } from '@holdfast/local-server';
import { createClient, type Client } from '@holdfast/sdk';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { vi } from 'vitest';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const BUILD_TIMEOUT_MS = 90_000;
const EMAIL = 'owner@holdfast.local';
const PASSWORD = 'correct horse battery';
/** The tests log in more often than a person may. */
const GENEROUS = '{"*":{"minute":1000000}}';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A server with its dashboard built, and a browser. */
export class Stage {
  readonly server: LocalServer;
  readonly client: Client;
  /** Without a credential. */
  readonly visitor: Client;
  readonly #browser: Browser;
  /** What a page asked for anywhere else, what it complained about, and answers of 500. */
  readonly complaints: string[] = [];

  constructor(server: LocalServer, browser: Browser) {
    this.server = server;
    this.#browser = browser;
    this.client = createClient({ baseUrl: server.url, apiKey: server.apiKey });
    this.visitor = createClient({ baseUrl: server.url });
  }

  static async open(settings: Record<string, string> = {}): Promise<Stage> {
    const login = { ADMIN_EMAIL: EMAIL, ADMIN_PASSWORD: PASSWORD };
    const [server, browser] = await Promise.all([
      startServer({ env: { DASHBOARD: 'true', RATE_LIMITS: GENEROUS, ...login, ...settings } }),
      chromium.launch({ executablePath: process.env['TEST_CHROMIUM'], args: ARGS }),
    ]);
    await waitUntilBuilt(server.url);
    return new Stage(server, browser);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.server.stop();
  }

  async newContext(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
    const context = await this.#browser.newContext({ viewport: { width: 1360, height: 860 }, ...options });
    context.setDefaultTimeout(15_000);
    return context;
  }

  /** @param url of the server, or of a proxy before it */
  async newPage(context: BrowserContext, url = this.server.url): Promise<Page> {
    const page = await context.newPage();
    page.on('request', (request) => {
      if (!request.url().startsWith(`${url}/`)) this.complaints.push(`asked for ${request.url()}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 500) this.complaints.push(`${response.status()} of ${response.url()}`);
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      // A connection that was cut on purpose is told, too.
      const cut = /net::ERR_|Failed to load resource/.test(message.text());
      if (message.type() === 'error' && !cut) this.complaints.push(message.text());
    });
    return page;
  }

  async logIn(page: Page, url = this.server.url, path = '/'): Promise<void> {
    await page.goto(`${url}${path}`);
    await page.getByLabel('E-mail').fill(EMAIL);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('navigation', { name: 'Main' }).waitFor();
  }
}

export const LOGIN = { email: EMAIL, password: PASSWORD };

async function waitUntilBuilt(url: string): Promise<void> {
  const look = async (): Promise<void> => {
    const { status } = await fetch(url, { headers: { accept: 'text/html' } });
    if (status !== 200) throw new Error(`${url} answers ${status}`);
  };
  await vi.waitFor(look, { timeout: BUILD_TIMEOUT_MS, interval: 200 });
}

/** Findings of axe that keep somebody out, as readable lines. */
export async function findBarriers(page: Page): Promise<string[]> {
  // `evaluate` runs beside the page: its content security policy stays as it is.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await checker.run();
    return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ html }) => `${impact} ${id}: ${html}`));
  });
}
