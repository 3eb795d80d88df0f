import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DomainError } from '../../core/errors.ts';
import type { ModelCall, ModelPart, Models } from '../../core/ports.ts';
import { silentLogger } from '../../../test/harness.ts';
import { chat, messages, responses, startModelServer, type ModelServer } from '../../../test/model-server.ts';
import { createModels, type ModelOptions } from './index.ts';

let server: ModelServer;
let deadUrl: string;
beforeEach(async () => {
  server = await startModelServer();
  const gone = await startModelServer();
  deadUrl = gone.url;
  await gone.close();
});
afterEach(() => server.close());

function models(options: Partial<ModelOptions> = {}): Models {
  return createModels(
    {
      defaultModels: [],
      offlineTokenDelayMs: 0,
      timeoutMs: 5_000,
      openai: { apiKey: 'sk-o', baseUrl: server.url },
      anthropic: { apiKey: 'sk-a', baseUrl: server.url },
      compatible: { baseUrl: server.url, apiKey: 'sk-c' },
      ...options,
    },
    silentLogger,
  );
}

function callOf(model: string, extra: Partial<ModelCall> = {}): ModelCall {
  return {
    model,
    instructions: 'Be brief.',
    messages: [{ role: 'user', content: 'Hello there' }],
    tools: [{ name: 'look', description: 'Looks.', input_schema: { type: 'object', properties: {} } }],
    signal: AbortSignal.timeout(15_000),
    ...extra,
  };
}

async function collect(parts: AsyncIterable<ModelPart>): Promise<ModelPart[]> {
  const all: ModelPart[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

async function failureOf(parts: AsyncIterable<ModelPart>): Promise<DomainError> {
  const error: unknown = await collect(parts).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(DomainError);
  return error as DomainError;
}

const textOf = (parts: ModelPart[]): string =>
  parts.map((part) => (part.type === 'text' ? part.text : '')).join('');

const WIRES = [
  { model: 'compatible/m', wire: chat, path: '/v1/chat/completions', called: 'tool_calls' },
  { model: 'openai/m', wire: responses, path: '/v1/responses', called: '' },
  { model: 'anthropic/m', wire: messages, path: '/v1/messages', called: 'tool_use' },
] as const;

describe.each(WIRES)('$model', ({ model, wire, path, called }) => {
  test('streams text word by word and ends with its usage', async () => {
    server.script = () => ({ frames: [...wire.text('One ', 'two'), ...wire.end()] });
    const parts = await collect(models().stream(callOf(model)));
    expect(parts).toEqual([
      { type: 'text', text: 'One ' },
      { type: 'text', text: 'two' },
      { type: 'finish', reason: 'stop', usage: { input_tokens: 11, output_tokens: 7 }, model },
    ]);
    expect(server.requests[0]?.path).toBe(path);
    expect(JSON.stringify(server.requests[0]?.body)).toContain('Be brief.');
    expect(JSON.stringify(server.requests[0]?.body.tools)).toContain('"look"');
  });

  test('gives a tool call its parsed input', async () => {
    server.script = () => ({ frames: [...wire.toolCall('look', '{"at":"sky"}'), ...wire.end(called)] });
    const parts = await collect(models().stream(callOf(model)));
    expect(parts).toMatchObject([
      { type: 'tool_call', call: { call_id: 'call_1', name: 'look', input: { at: 'sky' } } },
      { type: 'finish', reason: 'tool_calls' },
    ]);
  });

  test.each(['cut', 'end'] as const)(
    'a stream that breaks off (%s) is an error after its text',
    async (ending) => {
      server.script = () => ({ frames: wire.text('Half an ', 'ans'), ending });
      const seen: ModelPart[] = [];
      const reading = (async () => {
        for await (const part of models().stream(callOf(model))) seen.push(part);
      })();
      await expect(reading).rejects.toMatchObject({ code: 'LLM_ERROR' });
      expect(textOf(seen)).toMatch(/^Half an/);
      expect(server.requests).toHaveLength(1);
    },
  );

  test('an abort ends the stream with its reason and closes the connection', async () => {
    server.script = () => ({ frames: wire.text('Never '), ending: 'hang' });
    const abort = new AbortController();
    const iterator = models()
      .stream(callOf(model, { signal: abort.signal }))
      [Symbol.asyncIterator]();
    expect((await iterator.next()).value).toEqual({ type: 'text', text: 'Never ' });
    const reason = new Error('cancelled by the user');
    abort.abort(reason);
    await expect(iterator.next()).rejects.toBe(reason);
    await server.requests[0]?.closed;
  });

  test('a reader that stops early closes the connection', async () => {
    server.script = () => ({ frames: wire.text('Never '), ending: 'hang' });
    for await (const part of models().stream(callOf(model))) {
      expect(part.type).toBe('text');
      break;
    }
    await server.requests[0]?.closed;
  });
});

test('an abort before the first byte closes the connection too', async () => {
  server.script = () => ({ ending: 'hang' });
  const abort = new AbortController();
  const reading = collect(models().stream(callOf('compatible/m', { signal: abort.signal })));
  await vi.waitFor(() => expect(server.requests).toHaveLength(1));
  abort.abort(new Error('cancelled'));
  await expect(reading).rejects.toThrow('cancelled');
  await server.requests[0]?.closed;
  expect(server.requests).toHaveLength(1);
});

test('a 500 is repeated once and then passed over, quickly', async () => {
  server.script = ({ path }) =>
    path.endsWith('/messages') ? { status: 500 } : { frames: [...chat.text('Second'), ...chat.end()] };
  const started = performance.now();
  const parts = await collect(
    models({ defaultModels: ['anthropic/a', 'compatible/b'] }).stream(callOf('default')),
  );
  expect(textOf(parts)).toBe('Second');
  expect(parts.at(-1)).toMatchObject({ model: 'compatible/b' });
  expect(server.requests.map(({ path }) => path)).toEqual([
    '/v1/messages',
    '/v1/messages',
    '/v1/chat/completions',
  ]);
  expect(performance.now() - started).toBeLessThan(2_000);
});

test('a failure that passes is repaired by the one repetition', async () => {
  let asked = 0;
  server.script = () => {
    asked += 1;
    return asked === 1 ? { status: 503 } : { frames: [...chat.text('Back'), ...chat.end()] };
  };
  expect(textOf(await collect(models().stream(callOf('compatible/m'))))).toBe('Back');
});

test('a long Retry-After is not waited for', async () => {
  server.script = () => ({ status: 429, headers: { 'retry-after': '60' } });
  const parts = await collect(
    models({ defaultModels: ['compatible/m', 'offline'] }).stream(callOf('default')),
  );
  expect(parts.at(-1)).toMatchObject({ model: 'offline' });
  expect(server.requests).toHaveLength(1);
});

test('a refused connection and a cut before any text are passed over', async () => {
  server.script = () => ({ frames: chat.text(), ending: 'cut' });
  const parts = await collect(
    models({
      openai: { apiKey: 'k', baseUrl: deadUrl },
      defaultModels: ['openai/m', 'compatible/m', 'offline'],
    }).stream(callOf('default')),
  );
  expect(parts.at(-1)).toMatchObject({ type: 'finish', model: 'offline' });
  expect(server.requests).toHaveLength(2);
});

test('a provider that stays silent is passed over after the time-out', async () => {
  server.script = () => ({ ending: 'hang' });
  const parts = await collect(
    models({ defaultModels: ['compatible/m', 'offline'], timeoutMs: 100 }).stream(callOf('default')),
  );
  expect(parts.at(-1)).toMatchObject({ model: 'offline' });
  await server.requests[0]?.closed;
});

test('a request the provider refuses is neither repeated nor counted against the provider', async () => {
  const all = models();
  server.script = () => ({ status: 400 });
  for (let round = 0; round < 4; round += 1) await failureOf(all.stream(callOf('compatible/m')));
  expect(server.requests).toHaveLength(4);
});

test('a dead provider is skipped while its breaker is open and used again afterwards', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    const all = models({ defaultModels: ['compatible/m', 'offline'] });
    const ask = async () => (await collect(all.stream(callOf('default')))).at(-1);
    for (let round = 0; round < 3; round += 1) expect(await ask()).toMatchObject({ model: 'offline' });
    const reached = server.requests.length;
    expect(reached).toBe(6);
    expect(await ask()).toMatchObject({ model: 'offline' });
    const alone = await failureOf(all.stream(callOf('compatible/other')));
    expect(alone.message).toContain('skipped after repeated failures');
    expect(server.requests).toHaveLength(reached);

    server.script = () => ({ frames: [...chat.text('Up'), ...chat.end()] });
    vi.setSystemTime(Date.now() + 11_000);
    expect(await ask()).toMatchObject({ model: 'compatible/m' });
    expect(await ask()).toMatchObject({ model: 'compatible/m' });
  } finally {
    vi.useRealTimers();
  }
});

test('when no model answers the error names each with its reason and quotes no provider', async () => {
  server.script = () => ({ status: 401 });
  const error = await failureOf(
    models({
      openai: { apiKey: 'sk-o', baseUrl: deadUrl },
      defaultModels: ['openai/m', 'compatible/m'],
    }).stream(callOf('default')),
  );
  expect(error.code).toBe('LLM_ERROR');
  expect(error.message).toContain('openai/m: connection failed (ECONNREFUSED)');
  expect(error.message).toContain('compatible/m: HTTP 401');
  expect(JSON.stringify([error.message, error.extras.details])).not.toMatch(/secret|sk-/);
});

test('the conversation reaches the provider in its own shape, with a result for every tool call', async () => {
  server.script = () => ({ frames: [...chat.text('Fine'), ...chat.end()] });
  await collect(
    models().stream(
      callOf('compatible/m', {
        max_output_tokens: 50,
        messages: [
          { role: 'user', content: 'Look up and down' },
          {
            role: 'assistant',
            content: '',
            tool_calls: [
              { call_id: 'a', name: 'look', input: { at: 'up' } },
              { call_id: 'b', name: 'look', input: { at: 'down' } },
            ],
          },
          { role: 'tool', call_id: 'a', name: 'look', output: { saw: 'sky' }, is_error: false },
          { role: 'system', content: 'The user is in a hurry.' },
          { role: 'user', content: 'And?' },
        ],
      }),
    ),
  );
  expect(server.requests[0]?.body).toMatchObject({
    max_tokens: 50,
    messages: [
      { role: 'system', content: 'Be brief.\n\nThe user is in a hurry.' },
      { role: 'user', content: 'Look up and down' },
      { role: 'assistant', tool_calls: [{ id: 'a' }, { id: 'b', function: { arguments: '{"at":"down"}' } }] },
      { role: 'tool', tool_call_id: 'a', content: '{"saw":"sky"}' },
      { role: 'tool', tool_call_id: 'b', content: 'The call was interrupted.' },
      { role: 'user', content: 'And?' },
    ],
  });
});

test('knows only what is configured', async () => {
  const bare = models({ openai: undefined, anthropic: undefined, compatible: undefined });
  expect(['default', 'offline'].every((model) => bare.knows(model))).toBe(true);
  for (const model of ['openai/m', 'compatible/m', 'mystery/m', 'openai/', 'm', '', 'constructor/x']) {
    expect(bare.knows(model)).toBe(false);
  }
  expect(models().knows('compatible/meta/llama')).toBe(true);
  await expect(collect(bare.stream(callOf('openai/m')))).rejects.toMatchObject({ code: 'LLM_ERROR' });
  expect(() => models({ anthropic: undefined, defaultModels: ['anthropic/x', 'offline'] })).toThrow(
    'anthropic/x',
  );
});

describe("a tenant's own key", () => {
  const ownKey = (keys: Record<string, string>) => async (provider: string) => keys[provider] ?? null;
  const shownKeys = () => server.requests.map(({ headers }) => headers.authorization ?? headers['x-api-key']);

  test.each([
    ['openai/m', responses, 'Bearer sk-mine'],
    ['anthropic/m', messages, 'sk-mine'],
    ['compatible/m', chat, 'Bearer sk-mine'],
  ] as const)('takes the place of the configured one: %s', async (model, wire, shown) => {
    server.script = () => ({ frames: [...wire.text('Hi'), ...wire.end()] });
    const all = models();
    const [provider] = model.split('/') as [string];
    expect(textOf(await collect(all.stream(callOf(model))))).toBe('Hi');
    const credentials = ownKey({ [provider]: 'sk-mine' });
    expect(textOf(await collect(all.stream(callOf(model, { credentials }))))).toBe('Hi');
    await collect(all.stream(callOf(model, { credentials: ownKey({ other: 'sk-other' }) })));
    await collect(all.stream(callOf(model)));
    const [configured] = shownKeys();
    expect(shownKeys()).toEqual([configured, shown, configured, configured]);
    expect(configured).not.toContain('sk-mine');
  });

  test('is enough where the server has none, and is what makes such a model known', async () => {
    const bare = models({ openai: { baseUrl: server.url }, anthropic: { baseUrl: server.url } });
    server.script = () => ({ frames: [...responses.text('Hi'), ...responses.end()] });
    expect(bare.knows('openai/m')).toBe(false);
    expect(bare.knows('openai/m', ['openai'])).toBe(true);
    expect(bare.knows('anthropic/m', ['openai'])).toBe(false);
    await expect(collect(bare.stream(callOf('openai/m')))).rejects.toMatchObject({
      code: 'LLM_ERROR',
      message: 'The model "openai/m" is not configured on this server.',
    });
    const credentials = ownKey({ openai: 'sk-mine' });
    expect(textOf(await collect(bare.stream(callOf('openai/m', { credentials }))))).toBe('Hi');
    expect(models({ compatible: undefined }).knows('compatible/m', ['compatible'])).toBe(false);
  });

  test('is asked for only when its provider is about to be called', async () => {
    server.script = ({ path }) =>
      path.endsWith('/messages') ? { status: 400 } : { frames: [...chat.text('Hi'), ...chat.end()] };
    const asked: string[] = [];
    const credentials = async (provider: string) => (asked.push(provider), null);
    const all = models({ defaultModels: ['offline', 'openai/m'] });
    await collect(all.stream(callOf('default', { credentials })));
    expect(asked).toEqual([]);
    const other = models({ defaultModels: ['anthropic/m', 'compatible/m', 'openai/m'] });
    await collect(other.stream(callOf('default', { credentials })));
    expect(asked).toEqual(['anthropic', 'compatible']);
  });

  test('that its provider refuses closes the provider to nobody else', async () => {
    const all = models();
    server.script = ({ headers }) =>
      headers.authorization === 'Bearer sk-bad'
        ? { status: 401 }
        : { frames: [...chat.text('Hi'), ...chat.end()] };
    const ask = (key: string | null) =>
      collect(all.stream(callOf('compatible/m', { credentials: async () => key })));
    for (let round = 0; round < 3; round += 1)
      await failureOf(all.stream(callOf('compatible/m', { credentials: async () => 'sk-bad' })));
    const refused = await failureOf(
      all.stream(callOf('compatible/m', { credentials: async () => 'sk-bad' })),
    );
    expect(refused.message).toContain('skipped after repeated failures');
    expect(server.requests).toHaveLength(3);
    expect(textOf(await ask(null))).toBe('Hi');
    expect(textOf(await ask('sk-good'))).toBe('Hi');
    expect(refused.message + JSON.stringify(refused.extras)).not.toContain('sk-bad');
  });

  test("that cannot be used is not replaced by the server's, and says why", async () => {
    const all = models({ defaultModels: ['compatible/m', 'offline'] });
    const credentials = async () => {
      throw new DomainError('SECRET_UNAVAILABLE', 'The secret "compatible" expired at 2030-01-01.');
    };
    const error = await failureOf(all.stream(callOf('compatible/m', { credentials })));
    expect(error).toMatchObject({
      code: 'LLM_ERROR',
      message: 'No language model answered (compatible/m: The secret "compatible" expired at 2030-01-01.).',
    });
    const parts = await collect(all.stream(callOf('default', { credentials })));
    expect(parts.at(-1)).toMatchObject({ model: 'offline' });
    expect(server.requests).toEqual([]);
  });

  test("that cannot be looked up is the server's trouble, not the model's", async () => {
    const lost = new Error('Connection terminated');
    const credentials = () => Promise.reject(lost);
    const all = models({ defaultModels: ['compatible/m', 'offline'] });
    for (const model of ['compatible/m', 'default']) {
      await expect(collect(all.stream(callOf(model, { credentials })))).rejects.toBe(lost);
    }
  });
});
