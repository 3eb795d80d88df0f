import { request, type IncomingMessage } from 'node:http';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { AuditVerification } from '@holdfast/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { fillChain, tamper } from '../../../test/audit-tamper.ts';
import { ENGINES, freshPostgres } from '../../../test/harness.ts';
import { openApp, type App } from '../../../test/real-app.ts';

const LOGS = '/api/v1/admin/audit-logs';
const AGENT = { 'user-agent': 'route test' };

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe.each(ENGINES)('the audit routes on %s', (engine) => {
  let folder: string;
  let app: App;
  let url: string;
  let key: string;
  let tenantId: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-audit-routes-'));
    const database: Record<string, string> =
      engine === 'postgres' ? { DATABASE_URL: await freshPostgres() } : {};
    app = await openApp({ ...database, DATA_DIR: folder }, { checkReplies: true });
    url = await app.listen();
    ({ apiKey: key, tenantId } = app.firstCredentials!);
  }, 60_000);
  afterAll(async () => {
    await app.close();
    rmSync(folder, { recursive: true });
  });

  const call = async (path: string, init: RequestInit & { token?: string } = {}) => {
    const { token = key, ...rest } = init;
    const headers = {
      authorization: `Bearer ${token}`,
      ...AGENT,
      ...(rest.headers as Record<string, string>),
    };
    const response = await fetch(`${url}${path}`, { ...rest, headers });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const json = async <T>(path: string, init?: Parameters<typeof call>[1]): Promise<T> => {
    const { status, text } = await call(path, init);
    expect({ status, text }).toMatchObject({ status: 200 });
    return (JSON.parse(text) as { data: T }).data;
  };
  const post = (path: string, body: unknown) =>
    json<AuditVerification>(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  const makeKey = async (scopes: string[]): Promise<string> => {
    const { text } = await call('/api/v1/api-keys', {
      method: 'POST',
      body: JSON.stringify({ name: 'test', scopes }),
      headers: { 'content-type': 'application/json' },
    });
    return (JSON.parse(text) as { data: { secret: string } }).data.secret;
  };

  it('list, show, verify and tell the key', async () => {
    await makeKey(['read']);
    const list = await json<{ id: string; action: string; context: object }[]>(
      `${LOGS}?action=api_key.*&limit=1`,
    );
    expect(list).toMatchObject([
      { action: 'api_key.created', context: { ip: '127.0.0.1', user_agent: 'route test' } },
    ]);
    expect(await json(`${LOGS}/${list[0]!.id}`)).toMatchObject({
      diff: expect.arrayContaining([{ path: '/name', after: 'test' }]),
    });
    expect(await post(`${LOGS}/verify`, {})).toMatchObject({ valid: true, first_bad_seq: null });
    const open = await fetch(`${url}/api/v1/audit/public-key`);
    expect(await open.json()).toMatchObject({
      data: { algorithm: 'Ed25519', key_id: app.services.notary.key.key_id, previous: [] },
    });
  });

  it('page by cursor', async () => {
    const first = JSON.parse((await call(`${LOGS}?limit=1`)).text) as {
      data: { seq: number }[];
      pagination: { next_cursor: string };
    };
    const second = JSON.parse(
      (await call(`${LOGS}?limit=1&cursor=${first.pagination.next_cursor}`)).text,
    ) as typeof first;
    expect(second.data[0]!.seq).toBe(first.data[0]!.seq - 1);
  });

  it('BF-5.3.d offer no way to change or delete an entry', async () => {
    const [entry] = await json<{ id: string }[]>(`${LOGS}?limit=1`);
    for (const method of ['PUT', 'PATCH', 'DELETE', 'POST']) {
      expect((await call(`${LOGS}/${entry!.id}`, { method })).status).toBe(405);
    }
  });

  it('BF-5.3.f are for administrators; being refused is recorded', async () => {
    const token = await makeKey(['read', 'write', 'hold']);
    for (const path of [LOGS, `${LOGS}/export`, `${LOGS}/${tenantId}`]) {
      expect((await call(path, { token })).status).toBe(403);
    }
    expect((await call(`${LOGS}?chain=system`)).status).toBe(403);
    await vi.waitFor(async () => {
      const denied = await auditEntries(app.services.db, tenantId, 'access.denied');
      expect(denied.map(({ targets }) => targets[0]!.id)).toEqual(
        expect.arrayContaining([`GET ${LOGS}`, `GET ${LOGS}/export`, `GET ${LOGS}/:entry_id`]),
      );
    });
  });

  it.each([
    ['from', 'from=yesterday'],
    ['action', 'action=(a%2B)%2B%24'],
    ['outcome', 'outcome=maybe'],
    ['limit', 'limit=101'],
    ['cursor', 'cursor=1'],
    ['colour', 'colour=red'],
  ])('refuse a bad %s', async (field, query) => {
    const { status, text } = await call(`${LOGS}?${query}`);
    expect(status).toBe(400);
    expect(text).toContain(`"field":"${field}"`);
  });

  it('export as a download', async () => {
    const csv = await call(`${LOGS}/export?format=csv`);
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="audit.csv"');
    expect(csv.text.split('\r\n')[0]).toMatch(/^seq,id,occurred_at/);
    const lines = await call(`${LOGS}/export`);
    expect(lines.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    expect(lines.text).toContain('"action":"audit.exported"');
  });

  const COUNT = 100_000;
  // What is held in memory does not depend on the engine.
  if (engine === ENGINES.at(-1)) {
    describe('with 100,000 entries', () => {
      let big: string;
      beforeAll(async () => {
        const { db } = app.services;
        big = crypto.randomUUID();
        await db.kysely.insertInto('tenants').values({ id: big, name: 'Big' }).execute();
        // Wide enough that the whole does not fit where a part does.
        await fillChain(db, big, COUNT, (n) => ({
          context: {
            ip: null,
            user_agent: null,
            request_id: null,
            details: { note: `${n} ${'x'.repeat(400)}` },
          },
        }));
      }, 120_000);

      /** A key cannot be made for another tenant over the API: one of this tenant's is moved there. */
      const bigKey = async (): Promise<string> => {
        const secret = await makeKey(['admin', 'read', 'write', 'hold']);
        const moved = app.services.db.kysely.updateTable('api_keys').set({ tenant_id: big });
        await moved.where('prefix', '=', secret.slice(0, 11)).execute();
        return secret;
      };
      const openExport = (token: string, format: string) =>
        new Promise<IncomingMessage>((resolve, reject) => {
          const options = { headers: { authorization: `Bearer ${token}` }, agent: false };
          request(`${url}${LOGS}/export?format=${format}`, options, resolve).on('error', reject).end();
        });
      const heap = (): number => {
        collectGarbage();
        const { heapUsed, external } = process.memoryUsage();
        return (heapUsed + external) / 1_048_576;
      };

      it('an export takes a bounded memory', async () => {
        const token = await bigKey();
        const before = heap();
        const response = await openExport(token, 'jsonl');
        let lines = 0;
        let bytes = 0;
        let peak = 0;
        for await (const line of createInterface({ input: response })) {
          lines += 1;
          bytes += line.length;
          if (lines % 10_000 === 0) peak = Math.max(peak, heap() - before);
        }
        // The head line of JSON, the header of CSV, and the entries about the exports.
        expect(lines).toBeGreaterThanOrEqual(COUNT + 1);
        expect(bytes / COUNT).toBeGreaterThan(500);
        // Of some 100 MB that went through.
        expect(peak).toBeLessThan(30);
      }, 120_000);

      it('the export waits for a reader that does not read, and ends with it', async () => {
        const token = await bigKey();
        const before = heap();
        const response = await openExport(token, 'jsonl');
        response.pause();
        const sent = () => response.socket.bytesRead;
        let last = -1;
        await vi.waitFor(
          () => {
            const now = sent();
            const moved = now !== last;
            last = now;
            expect(moved).toBe(false);
          },
          { timeout: 20_000, interval: 300 },
        );
        // What the kernel's buffers take, and little more.
        expect(sent() / 1_048_576).toBeLessThan(8);
        expect(heap() - before).toBeLessThan(20);
        expect((await call(`${LOGS}?limit=1`, { token })).status).toBe(200);
        response.destroy();
      }, 60_000);

      it('a search that no index helps looks at a part at a time', async () => {
        const token = await bigKey();
        const pages: number[] = [];
        let found: unknown = null;
        for (let cursor: string | null = ''; cursor !== null;) {
          const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
          const { text } = await call(`${LOGS}?target_type=thing&target_id=5000${more}`, { token });
          const page = JSON.parse(text) as {
            data: { seq: number }[];
            pagination: { next_cursor: string | null; total?: number };
          };
          pages.push(page.data.length);
          found ??= page.data[0]?.seq;
          cursor = page.pagination.next_cursor;
        }
        // The few entries about the tests themselves make a third page.
        expect({ pages, found }).toEqual({ pages: [0, 1, 0], found: 5000 });
        const { text } = await call(`${LOGS}/export?target_type=thing&target_id=5000`, { token });
        expect(text.trim().split('\n')).toHaveLength(1);
      });

      it('verification reads all of it', async () => {
        const token = await bigKey();
        const { text } = await call(`${LOGS}/verify`, {
          method: 'POST',
          token,
          body: '{}',
          headers: { 'content-type': 'application/json' },
        });
        const { data } = JSON.parse(text) as { data: AuditVerification };
        expect(data).toMatchObject({ valid: true });
        expect(data.entries).toBeGreaterThanOrEqual(COUNT);
      }, 120_000);
    });
  }
});

describe('the end of the server', () => {
  it('an export that nobody reads does not keep the server from ending', async () => {
    const own = mkdtempSync(join(tmpdir(), 'holdfast-audit-close-'));
    try {
      const other = await openApp({ DATA_DIR: own });
      const { tenantId: id, apiKey } = other.firstCredentials!;
      const address = await other.listen();
      const wide = { note: 'x'.repeat(8000) };
      await tamper(other.services.db, async (tx) => {
        await tx.kysely.deleteFrom('audit_entries').where('tenant_id', '=', id).execute();
        await tx.kysely.deleteFrom('audit_heads').where('tenant_id', '=', id).execute();
      });
      const context = { ip: null, user_agent: null, request_id: null, details: wide };
      await fillChain(other.services.db, id, 2000, () => ({ context }));
      const options = { headers: { authorization: `Bearer ${apiKey}` }, agent: false };
      const response = await new Promise<IncomingMessage>((resolve) => {
        request(`${address}${LOGS}/export`, options, resolve).end();
      });
      response.pause();
      const ended = new Promise((resolve) => response.once('close', resolve));
      response.on('error', () => {});
      await other.close();
      response.resume();
      await ended;
      expect(response.complete).toBe(false);
    } finally {
      rmSync(own, { recursive: true });
    }
  }, 60_000);

  it('g.15 the heads are signed when the server ends, in a file for its owner only', async () => {
    const own = mkdtempSync(join(tmpdir(), 'holdfast-audit-heads-'));
    try {
      const other = await openApp({ DATA_DIR: own });
      const { tenantId: id } = other.firstCredentials!;
      await other.close();
      const file = join(own, 'audit-heads.jsonl');
      expect(JSON.parse(readFileSync(file, 'utf8').trim())).toMatchObject({
        kind: 'head',
        tenant_id: id,
        seq: 1,
      });
      for (const path of [file, join(own, 'audit-signing-key.pem')])
        expect(statSync(path).mode & 0o777).toBe(0o600);
    } finally {
      rmSync(own, { recursive: true });
    }
  }, 30_000);
});
