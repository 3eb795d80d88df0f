import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';

/** In the place of a model provider: refuses every call, and keeps the credentials. */
export class Provider {
  readonly credentials: (string | undefined)[] = [];
  readonly #server: Server = createServer((request, response) => {
    this.credentials.push(request.headers.authorization);
    request.resume();
    response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":{"message":"no"}}');
  });

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Everything the page shows, and everything its browser keeps for it. */
export async function keptBy(page: Page): Promise<string> {
  const inPage = await page.evaluate(async () => {
    const fields = [...document.querySelectorAll('input, textarea')].map(
      (field) => (field as HTMLInputElement).value,
    );
    const databases = (await indexedDB.databases()).map(({ name }) => name);
    const caches = await globalThis.caches?.keys();
    const stores = [localStorage, sessionStorage].map((store) => JSON.stringify(store));
    return [fields, databases, caches ?? [], stores, JSON.stringify(history.state), location.href]
      .flat()
      .join('\n');
  });
  return [inPage, await page.content(), JSON.stringify(await page.context().storageState())].join('\n');
}

/** What the scripts of the page still reach, in the form of their heap. */
export async function heapOf(page: Page): Promise<string> {
  const session = await page.context().newCDPSession(page);
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await session.detach();
  return chunks.join('');
}
