import type {
  LanguageModelV4CallOptions,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart,
} from '@ai-sdk/provider';
import { describe, expect, test } from 'vitest';
import { createOfflineModel } from './offline-model.ts';

const BUILT_IN = [
  'search_documents',
  'read_document',
  'calculate',
  'current_time',
  'fetch_url',
  'mcp__files__list',
];

function optionsOf(
  prompt: LanguageModelV4Prompt,
  tools: string[],
  extra: Partial<LanguageModelV4CallOptions> = {},
) {
  return {
    prompt,
    tools: tools.map((name) => ({
      type: 'function' as const,
      name,
      inputSchema: { type: 'object' as const },
    })),
    ...extra,
  };
}

function asked(text: string): LanguageModelV4Prompt {
  return [
    { role: 'system', content: 'Be helpful.' },
    { role: 'user', content: [{ type: 'text', text }] },
  ];
}

/** The prompt after the model called one tool and it answered `value`. */
function answered(text: string, toolName: string, value: unknown, isError = false): LanguageModelV4Prompt {
  const toolCallId = 'call_1';
  return [
    ...asked(text),
    { role: 'assistant', content: [{ type: 'tool-call', toolCallId, toolName, input: {} }] },
    {
      role: 'tool',
      content: [
        {
          type: 'tool-result',
          toolCallId,
          toolName,
          output: isError
            ? { type: 'error-text', value: String(value) }
            : { type: 'json', value: value as never },
        },
      ],
    },
  ];
}

async function run(options: LanguageModelV4CallOptions, tokenDelayMs = 0) {
  const { stream } = await createOfflineModel({ tokenDelayMs }).doStream(options);
  const parts: LanguageModelV4StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  const deltas = parts.flatMap((part) => (part.type === 'text-delta' ? [part.delta] : []));
  const calls = parts.flatMap((part) =>
    part.type === 'tool-call' ? [{ name: part.toolName, input: JSON.parse(part.input) as unknown }] : [],
  );
  const finish = parts.at(-1);
  if (finish?.type !== 'finish') throw new Error('no finish part');
  return { parts, deltas, calls, text: deltas.join(''), finish };
}

const ask = (text: string, tools = BUILT_IN) => run(optionsOf(asked(text), tools));

describe('what it calls', () => {
  test.each([
    ['/calculate {"expression":"1+1"}', [{ name: 'calculate', input: { expression: '1+1' } }]],
    ['/current_time', [{ name: 'current_time', input: {} }]],
    ['Please:\n  /mcp__files__list {"path":"/"}', [{ name: 'mcp__files__list', input: { path: '/' } }]],
    ['calculate 2+3*4', [{ name: 'calculate', input: { expression: '2+3*4' } }]],
    ['What is (2 + 3) × 4?', [{ name: 'calculate', input: { expression: '(2 + 3) * 4' } }]],
    ['what time is it in Europe/Berlin?', [{ name: 'current_time', input: { timezone: 'Europe/Berlin' } }]],
    ['Fetch https://a.example/b?c=1.', [{ name: 'fetch_url', input: { url: 'https://a.example/b?c=1' } }]],
    ['read guide.md', [{ name: 'read_document', input: { name: 'guide.md' } }]],
    [
      'calculate sqrt(16) and what time is it',
      [
        { name: 'calculate', input: { expression: 'sqrt(16)' } },
        { name: 'current_time', input: {} },
      ],
    ],
    [
      '/calculate {"expression":"1"}\n/calculate {"expression":"2"}\n/calculate {"expression":"1"}',
      [
        { name: 'calculate', input: { expression: '1' } },
        { name: 'calculate', input: { expression: '2' } },
      ],
    ],
    [
      'How is a lease claimed?',
      [{ name: 'search_documents', input: { query: 'How is a lease claimed?', limit: 8 } }],
    ],
    [
      'Is /etc/passwd read?',
      [{ name: 'search_documents', input: { query: 'Is /etc/passwd read?', limit: 8 } }],
    ],
    [
      'What is the 3-2-1 rule?',
      [{ name: 'search_documents', input: { query: 'What is the 3-2-1 rule?', limit: 8 } }],
    ],
    ['Hello, thanks!', []],
  ])('%j', async (text, calls) => {
    const outcome = await ask(text);
    expect(outcome.calls).toEqual(calls);
    expect(outcome.finish.finishReason.unified).toBe(calls.length > 0 ? 'tool-calls' : 'stop');
  });

  test('never a tool that is not offered, and says so', async () => {
    const outcome = await ask('/calculate {"expression":"1"}', ['search_documents']);
    expect(outcome.calls).toEqual([]);
    expect(outcome.text).toContain('"calculate" is not offered');
    expect((await ask('calculate 1+1', [])).calls).toEqual([]);
  });

  test('not a tool whose input cannot be read, and says so', async () => {
    for (const input of ['{"expression":', '[1]', 'nonsense']) {
      const outcome = await ask(`/calculate ${input}`);
      expect(outcome.calls).toEqual([]);
      expect(outcome.text).toContain('not a JSON object');
    }
  });

  test('call ids are the same for the same prompt and differ between turns', async () => {
    const idOf = async (prompt: LanguageModelV4Prompt) => {
      const part = (await run(optionsOf(prompt, BUILT_IN))).parts.find(({ type }) => type === 'tool-call');
      return part?.type === 'tool-call' ? part.toolCallId : null;
    };
    const first = await idOf(asked('/current_time'));
    expect(await idOf(asked('/current_time'))).toBe(first);
    const later = [...answered('/current_time', 'current_time', {}), ...asked('/current_time').slice(1)];
    expect(await idOf(later)).not.toBe(first);
  });
});

const PASSAGES = [
  {
    document: 'guide.md',
    line: 10,
    heading: 'Leases',
    text: 'A lease is the right to write.\nIt carries an epoch, which rises at each\ntake-over of the lease.\n\n- A **stale epoch** is refused.',
    rank: 1,
  },
  {
    document: 'faq.md',
    line: 3,
    heading: 'Colours',
    text: 'The logo is green. A lease has no colour.',
    rank: 0.2,
  },
];

describe('what it answers', () => {
  test('sentences of the passages, each cited by document and line, and that no model wrote them', async () => {
    const { text, finish, calls } = await run(
      optionsOf(answered('What is a lease epoch?', 'search_documents', { passages: PASSAGES }), BUILT_IN),
    );
    expect(calls).toEqual([]);
    expect(finish.finishReason.unified).toBe('stop');
    expect(text).toContain('A lease is the right to write. [guide.md:10]');
    expect(text).toContain('It carries an epoch, which rises at each take-over of the lease. [guide.md:11]');
    expect(text).toContain('A stale epoch is refused. [guide.md:14]');
    expect(text).toContain('A lease has no colour. [faq.md:3]');
    expect(text.indexOf('guide.md')).toBeLessThan(text.indexOf('faq.md'));
    expect(text).toContain('No language model is configured');
  });

  test('a long answer stays within about 250 words', async () => {
    const text = Array.from(
      { length: 200 },
      (_, index) => `Sentence ${index} is about the lease itself.`,
    ).join(' ');
    const passages = [{ document: 'long.md', line: 1, heading: '', text, rank: 1 }];
    const outcome = await run(optionsOf(answered('Lease?', 'search_documents', { passages }), BUILT_IN));
    expect(outcome.deltas.length).toBeGreaterThan(150);
    expect(outcome.deltas.length).toBeLessThan(350);
  });

  test.each([
    ['search_documents', { passages: [] }, 'say nothing that I could find about "Leases?"'],
    ['search_documents', 'not what was expected', 'say nothing that I could find'],
    ['calculate', { expression: '1+1', result: 2 }, '1+1 = 2'],
    ['current_time', { local: '2026-01-02 03:04:05', timezone: 'UTC' }, 'It is 2026-01-02 03:04:05 (UTC).'],
    ['read_document', { name: 'a.md', line_start: 5, text: 'One line.' }, 'One line. [a.md:5]'],
    [
      'fetch_url',
      { url: 'http://x.example/', status: 200, title: 'X', text: 'Hi you.' },
      'Hi you. [http://x.example/]',
    ],
    ['mcp__files__list', { files: ['a'] }, '"files"'],
  ])('the result of %s (%j)', async (tool, value, expected) => {
    const outcome = await run(optionsOf(answered('Leases?', tool, value), BUILT_IN));
    expect(outcome.calls).toEqual([]);
    expect(outcome.text).toContain(expected);
    expect(outcome.text).toContain('No language model is configured');
  });

  test('a failed tool is reported, not called again', async () => {
    const outcome = await run(
      optionsOf(answered('/calculate {"x":1}', 'calculate', 'expression: required', true), BUILT_IN),
    );
    expect(outcome.calls).toEqual([]);
    expect(outcome.text).toContain('The tool calculate failed: expression: required');
  });

  test('without a document search it says that it cannot answer', async () => {
    expect((await ask('How is a lease claimed?', ['calculate'])).text).toContain('I cannot answer this');
  });
});

describe('how it streams', () => {
  test('word by word, the same each time, with usage', async () => {
    const prompt = optionsOf(answered('Lease?', 'search_documents', { passages: PASSAGES }), BUILT_IN);
    const [one, two] = [await run(prompt), await run(prompt)];
    expect(one.parts).toEqual(two.parts);
    expect(one.deltas.every((delta) => delta.trim().split(/\s+/).length === 1)).toBe(true);
    expect(one.finish.usage.outputTokens.total).toBe(one.deltas.length);
    expect(one.finish.usage.inputTokens.total).toBeGreaterThan(5);
  });

  test('the output limit cuts the answer and says so', async () => {
    const outcome = await run(optionsOf(asked('hello'), BUILT_IN, { maxOutputTokens: 3 }));
    expect(outcome.deltas).toHaveLength(3);
    expect(outcome.finish.finishReason.unified).toBe('length');
  });

  test('an abort ends the pause between two tokens at once', async () => {
    const abort = new AbortController();
    const model = createOfflineModel({ tokenDelayMs: 3_600_000 });
    const { stream } = await model.doStream(
      optionsOf(asked('hello'), BUILT_IN, { abortSignal: abort.signal }),
    );
    const reader = stream.getReader();
    expect((await reader.read()).value).toMatchObject({ type: 'stream-start' });
    expect((await reader.read()).value).toMatchObject({ type: 'text-start' });
    const next = reader.read();
    abort.abort();
    await expect(next).rejects.toThrow();
  });
});
