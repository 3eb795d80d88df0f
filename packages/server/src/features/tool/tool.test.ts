import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ToolContext } from '../../core/ports.ts';
import { putDocument } from '../../core/document/index.ts';
import { openHarness, silentLogger, type Harness } from '../../../test/harness.ts';
import { createOutbound } from '../../infra/net/index.ts';
import { createTools } from './index.ts';

const tools = createTools(
  { now: () => Date.UTC(2026, 0, 2, 3, 4, 5), outbound: createOutbound() },
  silentLogger,
);

async function run(name: string, input: unknown, context: Partial<ToolContext> = {}): Promise<unknown> {
  const tool = await tools.find(name);
  if (!tool) throw new Error(`no tool ${name}`);
  return tool.execute(input, { signal: AbortSignal.timeout(10_000), ...context } as ToolContext);
}

test('every built-in tool says what it takes, how long it may run and whether it may be repeated', async () => {
  const names = await tools.names();
  expect(names).toEqual(['current_time', 'calculate', 'fetch_url', 'read_document', 'search_documents']);
  for (const name of names) {
    const tool = await tools.find(name);
    expect(tool).toMatchObject({
      name,
      policy: 'retry',
      input_schema: { type: 'object', additionalProperties: false },
    });
    expect(tool?.timeout_ms).toBeGreaterThan(0);
    expect(tool?.description).not.toBe('');
    await expect(tool?.execute('text', {} as ToolContext)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
    });
    await expect(tool?.execute({ unknown_field: 1 }, {} as ToolContext)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
    });
  }
  expect(await tools.find('nothing')).toBeNull();
  expect(await tools.find('constructor')).toBeNull();
});

describe('current_time', () => {
  test.each([
    [
      {},
      {
        iso: '2026-01-02T03:04:05.000Z',
        local: '2026-01-02 03:04:05',
        weekday: 'Friday',
        utc_offset: '+00:00',
      },
    ],
    [
      { timezone: 'America/New_York' },
      { local: '2026-01-01 22:04:05', weekday: 'Thursday', utc_offset: '-05:00' },
    ],
    [{ timezone: 'Asia/Kolkata' }, { local: '2026-01-02 08:34:05', utc_offset: '+05:30' }],
  ])('%j', async (input, expected) => {
    expect(await run('current_time', input)).toMatchObject(expected);
  });

  test('names the field of an unknown zone', async () => {
    await expect(run('current_time', { timezone: 'Mars/Base' })).rejects.toThrow('timezone: is not a known');
  });
});

describe('calculate', () => {
  test.each([
    ['2+3*4', 14],
    ['(2 + 3) * sqrt(16) / 2^2', 5],
    ['0.1 + 0.2', 0.3],
    ['-2^2', -4],
    ['10 % 3', 1],
    ['5!', 120],
    ['round(2 * pi, 3)', 6.283],
    ['max(1, 2, 3) - min(4, 5)', -1],
    ['2 pi', 6.2831853071796],
    ['1e3 / 8', 125],
  ])('%s', async (expression, result) => {
    expect(await run('calculate', { expression })).toEqual({ expression, result });
  });

  test.each([
    '',
    '1 +',
    'x + 1',
    'a = 1',
    '1; 2',
    '[1, 2]',
    '{a: 1}',
    '"text"',
    'f(x) = x',
    'import("fs")',
    'evaluate("1")',
    'parse("1")',
    'sqrt.constructor("return process")()',
    'cos.toString()',
    'range(0, 1e9)',
    'factorial(1e9)',
    '1:1000000000',
    '1 ? 2 : 3',
    '5 cm to inch',
    'true',
    '2 == 2',
    '1/0',
    'sqrt(-1)',
    '9^9^9',
    '170! * 170!',
    'pi(3)',
    'constructor',
    '__proto__',
    `${'('.repeat(150)}1${')'.repeat(150)}1${'+'.repeat(10)}`,
    '1'.repeat(301),
  ])('refuses %j, quickly', async (expression) => {
    const started = performance.now();
    await expect(run('calculate', { expression })).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('documents', () => {
  let harness: Harness;
  let context: Partial<ToolContext>;
  beforeAll(async () => {
    harness = await openHarness();
    const { tenantId, projectId } = await harness.createTenant();
    context = { db: harness.db, tenantId, projectId };
    const content = '# Guide\n\nA lease is the right to write.\n\n## Colours\n\nGreen.';
    const ctx = harness.ctxFor({ tenantId });
    await putDocument(ctx, projectId, { name: 'guide.md', media_type: 'text/markdown', content });
  });
  afterAll(() => harness.close());

  test('search_documents gives passages with document, line, heading and rank', async () => {
    const output = await run('search_documents', { query: 'lease' }, context);
    const passage = {
      document: 'guide.md',
      line: 3,
      heading: 'Guide',
      text: 'A lease is the right to write.',
    };
    expect(output).toMatchObject({ query: 'lease', passages: [{ ...passage, rank: expect.any(Number) }] });
  });

  test('read_document gives the lines asked for', async () => {
    const output = await run('read_document', { name: 'guide.md', line_start: 3, line_end: 3 }, context);
    expect(output).toMatchObject({
      name: 'guide.md',
      line_start: 3,
      total_lines: 7,
      text: 'A lease is the right to write.',
    });
    await expect(run('read_document', { name: 'other.md' }, context)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(run('read_document', { name: 'a\0b' }, context)).rejects.toThrow('name:');
    await expect(run('search_documents', { query: '\0' }, context)).rejects.toThrow('query:');
  });

  test('another project has other documents', async () => {
    const other = { ...context, ...(await harness.createTenant()) };
    expect(await run('search_documents', { query: 'lease' }, other)).toMatchObject({ passages: [] });
    await expect(run('read_document', { name: 'guide.md' }, other)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});
