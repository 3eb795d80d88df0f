import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import type { Ctx } from '../context.ts';
import {
  deleteDocument,
  getDocument,
  listDocuments,
  putDocument,
  readDocumentLines,
  searchDocuments,
  searchPassages,
} from './index.ts';

const GUIDE = `# Guide

## Leases
A lease is the right to write. Holders send heartbeats.

## Colours
The logo is green.
`;

describe.each(ENGINES)('documents on %s', (engine) => {
  let harness: Harness;
  let ctx: Ctx;
  let projectId: string;
  beforeAll(async () => {
    harness = await openHarness({ engine });
  });
  afterAll(() => harness.close());
  beforeEach(async () => {
    const tenant = await harness.createTenant();
    projectId = tenant.projectId;
    ctx = harness.ctxFor(tenant);
  });

  const put = (name: string, content: string | Uint8Array, media_type = 'text/markdown') =>
    putDocument(ctx, projectId, { name, media_type, content });
  const scope = () => ({ db: ctx.db, tenantId: ctx.principal.tenantId, projectId });
  const stranger = async (): Promise<Ctx> => harness.ctxFor(await harness.createTenant());
  const countChunks = async (id: string): Promise<number> => {
    const chunks = ctx.db.kysely
      .selectFrom('document_chunks')
      .select('chunk_index')
      .where('document_id', '=', id);
    return (await chunks.execute()).length;
  };

  test('an upload is stored, cut up and found again', async () => {
    const { document, created } = await put('docs/guide.md', GUIDE);
    expect(created).toBe(true);
    expect(document).toMatchObject({
      project_id: projectId,
      media_type: 'text/markdown',
      size_bytes: GUIDE.length,
    });
    expect(await getDocument(ctx, document.id)).toEqual({ ...document, content: GUIDE });
    expect(await searchDocuments(ctx, projectId, { query: 'lease heartbeat' })).toMatchObject([
      { document_id: document.id, document: 'docs/guide.md', line: 4, heading: 'Guide > Leases' },
    ]);
  });

  test('the same name replaces, the same content changes nothing', async () => {
    const first = await put('a.md', GUIDE);
    const same = await put('a.md', new TextEncoder().encode(GUIDE));
    expect(same).toEqual({ document: first.document, created: false });
    const second = await put('a.md', 'Only badgers here.');
    expect(second.created).toBe(false);
    expect(second.document.id).toBe(first.document.id);
    expect(await searchDocuments(ctx, projectId, { query: 'lease' })).toEqual([]);
    expect(await searchDocuments(ctx, projectId, { query: 'badger' })).toHaveLength(1);
    expect((await listDocuments(ctx, projectId, {})).items).toHaveLength(1);
  });

  test('uploads of one name at the same time leave one of them whole', async () => {
    const contents = Array.from({ length: 6 }, (_, index) =>
      `Version ${index}.\n\n`.repeat(200 * (index + 1)),
    );
    await Promise.all(contents.map((content) => put('same.md', content)));
    const { items } = await listDocuments(ctx, projectId, {});
    expect(items).toHaveLength(1);
    const id = items[0]?.id ?? '';
    const { content } = await getDocument(ctx, id);
    expect(contents).toContain(content);
    const fresh = await put('fresh.md', `${content}`);
    expect(await countChunks(id)).toBe(await countChunks(fresh.document.id));
  });

  test('deleting removes the passages too', async () => {
    const { document } = await put('a.md', GUIDE);
    await deleteDocument(ctx, document.id);
    expect(await countChunks(document.id)).toBe(0);
    await expect(getDocument(ctx, document.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(deleteDocument(ctx, document.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('lists page by page, newest first', async () => {
    for (const name of ['a', 'b', 'c']) await put(name, name);
    const first = await listDocuments(ctx, projectId, { limit: 2 });
    expect(first.items.map(({ name }) => name)).toEqual(['c', 'b']);
    const rest = await listDocuments(ctx, projectId, { limit: 2, after: first.next_cursor ?? undefined });
    expect(rest).toMatchObject({ items: [{ name: 'a' }], next_cursor: null });
  });

  test('another tenant sees and changes nothing', async () => {
    const { document } = await put('a.md', GUIDE);
    const other = await stranger();
    const notFound = { code: 'NOT_FOUND' };
    await expect(getDocument(other, document.id)).rejects.toMatchObject(notFound);
    await expect(deleteDocument(other, document.id)).rejects.toMatchObject(notFound);
    await expect(listDocuments(other, projectId, {})).rejects.toMatchObject(notFound);
    await expect(searchDocuments(other, projectId, { query: 'lease' })).rejects.toMatchObject(notFound);
    const upload = { name: 'a.md', media_type: 'text/plain', content: 'x' };
    await expect(putDocument(other, projectId, upload)).rejects.toMatchObject(notFound);
    const foreign = { ...scope(), tenantId: other.principal.tenantId };
    expect(await searchPassages(foreign, { query: 'lease' })).toEqual([]);
    await expect(readDocumentLines(foreign, { document: 'a.md' })).rejects.toMatchObject(notFound);
    await expect(readDocumentLines(foreign, { document: document.id })).rejects.toMatchObject(notFound);
    expect((await getDocument(ctx, document.id)).content).toBe(GUIDE);
  });

  test('scopes are asked for', async () => {
    const { tenantId } = ctx.principal;
    const reader = harness.ctxFor({ tenantId, scopes: ['read'] });
    const upload = { name: 'a.md', media_type: 'text/plain', content: 'x' };
    await expect(putDocument(reader, projectId, upload)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(deleteDocument(reader, randomUUID())).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const writer = harness.ctxFor({ tenantId, scopes: ['write'] });
    await expect(listDocuments(writer, projectId, {})).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(searchDocuments(writer, projectId, { query: 'x' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  test.each([
    ['text/html', 'x', 'UNSUPPORTED_MEDIA_TYPE'],
    ['text/plain; charset=latin1', 'x', 'UNSUPPORTED_MEDIA_TYPE'],
    ['', 'x', 'UNSUPPORTED_MEDIA_TYPE'],
    ['text/plain', 'x'.repeat(5 * 1024 * 1024 + 1), 'PAYLOAD_TOO_LARGE'],
    ['text/plain', new Uint8Array(5 * 1024 * 1024 + 1), 'PAYLOAD_TOO_LARGE'],
    ['text/plain', new Uint8Array([0x61, 0xff]), 'VALIDATION_ERROR'],
  ])('refuses %s %#', async (mediaType, content, code) => {
    await expect(put('a', content, mediaType)).rejects.toMatchObject({ code });
    expect((await listDocuments(ctx, projectId, {})).items).toEqual([]);
  });

  test.each([
    ['a', ''],
    ['a', 'nul \0 byte'],
    ['a', 'lone \ud800 surrogate'],
    ['', 'x'],
    ['a\nb', 'x'],
    ['a\0', 'x'],
    ['x'.repeat(201), 'x'],
  ])('refuses the upload %j %j', async (name, content) => {
    await expect(put(name, content)).rejects.toMatchObject({ issues: [{ path: [expect.any(String)] }] });
  });

  test('takes the media type with its charset, and the largest document', async () => {
    const { document } = await put('a', 'x', 'Text/Plain; charset="UTF-8"');
    expect(document.media_type).toBe('text/plain');
    const line = 'Every lease has an epoch, and quokka number one is here.\n';
    const large = line.repeat(Math.floor((5 * 1024 * 1024) / line.length));
    expect((await put('large', large, 'text/plain')).document.size_bytes).toBe(large.length);
    expect(await searchDocuments(ctx, projectId, { query: 'quokka', limit: 3 })).toHaveLength(3);
  }, 60_000);

  describe('search', () => {
    beforeEach(async () => {
      await put('guide.md', GUIDE);
      await put('café.txt', 'Das Café öffnet um acht. Call foo_bar() then x-ray-7.', 'text/plain');
    });
    const names = async (query: string) =>
      (await searchDocuments(ctx, projectId, { query })).map(({ heading, document }) => heading || document);

    test.each([
      ['How do the holders send a heartbeat?', ['Guide > Leases']],
      ['writing leases', ['Guide > Leases']],
      ['colours', ['Guide > Colours']],
      ['öffnet', ['café.txt']],
      ['foo_bar', ['café.txt']],
      ['x-ray-7', ['café.txt']],
      ['green elephants', ['Guide > Colours']],
      ['"green logo"', []],
      ['logo -green', []],
      ['nothingofthekind', []],
      ['the of and', []],
      ["'; drop table documents; --", []],
      ['a & b | !( <-> :*', []],
      ['💥', []],
    ])('%j', async (query, expected) => {
      expect(await names(query)).toEqual(expected);
    });

    test('passages with every word come before those with some', async () => {
      await put('many.txt', 'lease lease lease lease', 'text/plain');
      expect((await names('lease heartbeats'))[0]).toBe('Guide > Leases');
      expect(await names('lease heartbeats')).toContain('many.txt');
    });

    test.each(['', '  ', 'x\0y', '\ud800', 'x'.repeat(1001)])('refuses the query %j', async (query) => {
      await expect(searchDocuments(ctx, projectId, { query })).rejects.toMatchObject({
        issues: [{ path: ['query'] }],
      });
    });
  });

  describe('reading lines', () => {
    test('by id, by name, and forgivingly where one document fits', async () => {
      const { document } = await put('docs/Guide.md', GUIDE);
      const expected = { id: document.id, line_start: 3, line_end: 4, total_lines: 8, truncated: false };
      for (const name of [document.id, 'docs/Guide.md', 'docs/guide.md', 'guide.md']) {
        const lines = await readDocumentLines(scope(), { document: name, line_start: 3, line_end: 4 });
        expect(lines).toMatchObject(expected);
        expect(lines.text).toBe('## Leases\nA lease is the right to write. Holders send heartbeats.');
      }
      await put('other/guide.md', 'x');
      await expect(readDocumentLines(scope(), { document: 'guide.md' })).rejects.toThrow(
        'fits several documents',
      );
      await expect(readDocumentLines(scope(), { document: 'uide.md' })).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    });

    test('long documents are given in parts', async () => {
      await put(
        'long',
        Array.from({ length: 1000 }, (_, index) => `line ${index + 1}`).join('\n'),
        'text/plain',
      );
      const part = await readDocumentLines(scope(), { document: 'long', line_start: 500 });
      expect(part).toMatchObject({ line_start: 500, line_end: 899, truncated: true });
      expect(part.text.endsWith('line 899')).toBe(true);
      await put('wide', `${'x'.repeat(100_000)}\nend`, 'text/plain');
      const wide = await readDocumentLines(scope(), { document: 'wide' });
      expect(wide).toMatchObject({ line_end: 1, truncated: true });
      expect(wide.text).toHaveLength(40_000);
    });

    test('a range outside the document is an error', async () => {
      await put('a', 'one\ntwo', 'text/plain');
      await expect(readDocumentLines(scope(), { document: 'a', line_start: 3 })).rejects.toThrow('2 lines');
      await expect(readDocumentLines(scope(), { document: 'a', line_start: 2, line_end: 1 })).rejects.toThrow(
        'line_end',
      );
    });
  });
});
