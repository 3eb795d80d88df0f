import { startServer, type LocalServer } from '@holdfast/local-server';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
];

describe.skipIf(!process.env['TEST_CHROMIUM'])('the API explorer in Chromium', { timeout: 60_000 }, () => {
  let server: LocalServer;
  let browser: Browser;
  let page: Page;
  /** Requests to anywhere else, errors of the page, breaches of its content security policy. */
  const complaints: string[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer({ env: { DASHBOARD: 'false' } }),
      chromium.launch({ executablePath: process.env['TEST_CHROMIUM'], args: ARGS }),
    ]);
    const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
    context.setDefaultTimeout(20_000);
    page = await context.newPage();
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol !== 'data:' && origin !== server.url) complaints.push(`asked for ${request.url()}`);
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) =>
        console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`),
      );
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const operation = (path: string) => page.locator(`.opblock:has([data-path="${path}"])`).first();

  it('BF-1.3.b loads the document and lists its operations', async () => {
    await page.goto(`${server.url}/api/docs`);
    await page.getByRole('heading', { name: /Holdfast/ }).waitFor();
    await operation('/api/v1/config').waitFor();
    expect(await page.locator('.opblock').count()).toBeGreaterThan(50);
    expect(await page.locator('.opblock-deprecated').count()).toBeGreaterThan(0);
  });

  it('tries an operation out with a key, and shows what the server answered', async () => {
    await page.locator('.auth-wrapper .authorize').first().click();
    const dialog = page.locator('.dialog-ux .auth-container', { hasText: 'X-API-Key' }).first();
    await dialog.locator('input').fill(server.apiKey);
    await dialog
      .getByRole('button', { name: 'Apply' })
      .or(dialog.locator('button.authorize'))
      .first()
      .click();
    await page.locator('.dialog-ux .btn-done').first().click();

    const config = operation('/api/v1/config');
    await config.locator('.opblock-summary-control').first().click();
    await config.getByRole('button', { name: 'Try it out' }).click();
    const answered = page.waitForResponse(`${server.url}/api/v1/config`);
    await config.getByRole('button', { name: 'Execute' }).click();
    expect((await answered).status()).toBe(200);
    const shown = config.locator('.live-responses-table .response').first();
    await shown.waitFor();
    expect(await shown.locator('.response-col_status').innerText()).toContain('200');
    expect(await shown.innerText()).toContain('"page_max": 100');
  });

  it('sends only what is filled in', async () => {
    const list = page.locator('#operations-agents-listAgents');
    await list.locator('.opblock-summary-control').first().click();
    await list.getByRole('button', { name: 'Try it out' }).click();
    const answered = page.waitForResponse((response) =>
      response.url().startsWith(`${server.url}/api/v1/agents`),
    );
    await list.getByRole('button', { name: 'Execute' }).click();
    expect((await answered).status()).toBe(200);
  });

  it('shows the samples of an operation in three languages', async () => {
    const config = operation('/api/v1/config');
    for (const language of ['curl', 'TypeScript', 'Python'])
      await config.getByRole('tab', { name: language }).waitFor();
    expect(await config.locator('.code-sample pre').innerText()).toContain(
      'curl -sS -X GET "$HOLDFAST_URL/api/v1/config"',
    );
    await config.getByRole('tab', { name: 'Python' }).click();
    expect(await config.locator('.code-sample pre').innerText()).toContain('urllib.request');
  });

  it('asks nothing of any other host, and keeps to its content security policy', () => {
    expect(complaints).toEqual([]);
  });
});
