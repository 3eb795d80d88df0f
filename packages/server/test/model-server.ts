import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the fake provider does with one request. */
export interface Script {
  status?: number;
  headers?: Record<string, string>;
  /** SSE frames, or the whole body when the status is an error. */
  frames?: string[];
  /** After the frames: end the body, cut the connection, or keep it open and silent. */
  ending?: 'end' | 'cut' | 'hang';
}

export interface ModelRequest {
  path: string;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
  /** Resolves when the connection of this request is gone. */
  closed: Promise<void>;
}

export interface ModelServer {
  url: string;
  requests: ModelRequest[];
  /** Answers the next request, and every one after it until set again. */
  script: (request: ModelRequest) => Script;
  close(): Promise<void>;
}

/** A local HTTP server in the place of a provider; it sends the frames it is told to. */
export async function startModelServer(): Promise<ModelServer> {
  const server = createServer((request, response) => void answer(model, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const model: ModelServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests: [],
    script: () => ({ status: 500 }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return model;
}

async function answer(model: ModelServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const entry: ModelRequest = {
    path: request.url ?? '',
    headers: request.headers,
    body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>,
    closed: new Promise((resolve) => response.on('close', () => resolve())),
  };
  model.requests.push(entry);
  const { status = 200, headers = {}, frames = [], ending = 'end' } = model.script(entry);
  const type = status === 200 ? 'text/event-stream' : 'application/json';
  response.writeHead(status, { 'content-type': type, ...headers });
  if (status !== 200) return void response.end('{"error":{"message":"secret detail of the provider"}}');
  response.flushHeaders();
  for (const frame of frames) response.write(frame);
  if (ending === 'end') response.end();
  if (ending === 'cut') setImmediate(() => response.destroy());
}

function sse(data: unknown, event?: string): string {
  return `${event ? `event: ${event}\n` : ''}data: ${JSON.stringify(data)}\n\n`;
}

function chunk(delta: object, finish: string | null = null): string {
  return sse({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
}

const CHAT_END = [
  sse({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [],
    usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
  }),
  'data: [DONE]\n\n',
];

/** OpenAI chat completions. */
export const chat = {
  text: (...words: string[]): string[] => [
    chunk({ role: 'assistant', content: '' }),
    ...words.map((content) => chunk({ content })),
  ],
  toolCall: (name: string, ...json: string[]): string[] => [
    chunk({
      role: 'assistant',
      tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name, arguments: '' } }],
    }),
    ...json.map((part) => chunk({ tool_calls: [{ index: 0, function: { arguments: part } }] })),
  ],
  end: (finish = 'stop'): string[] => [chunk({}, finish), ...CHAT_END],
};

function typed(data: { type: string } & Record<string, unknown>): string {
  return sse(data, data.type);
}

const RESPONSE = { id: 'resp_1', object: 'response', created_at: 1, model: 'm' };

/** OpenAI responses. */
export const responses = {
  text: (...words: string[]): string[] => [
    typed({ type: 'response.created', response: { ...RESPONSE, status: 'in_progress' } }),
    typed({
      type: 'response.output_item.added',
      output_index: 0,
      item: { type: 'message', id: 'msg_1', role: 'assistant', content: [] },
    }),
    ...words.map((delta) =>
      typed({
        type: 'response.output_text.delta',
        item_id: 'msg_1',
        output_index: 0,
        content_index: 0,
        delta,
      }),
    ),
  ],
  toolCall: (name: string, json: string): string[] => {
    const item = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name };
    return [
      typed({ type: 'response.created', response: { ...RESPONSE, status: 'in_progress' } }),
      typed({ type: 'response.output_item.added', output_index: 0, item: { ...item, arguments: '' } }),
      typed({
        type: 'response.function_call_arguments.delta',
        item_id: 'fc_1',
        output_index: 0,
        delta: json,
      }),
      typed({
        type: 'response.output_item.done',
        output_index: 0,
        item: { ...item, arguments: json, status: 'completed' },
      }),
    ];
  },
  end: (): string[] => [
    typed({
      type: 'response.completed',
      response: {
        ...RESPONSE,
        status: 'completed',
        usage: { input_tokens: 11, output_tokens: 7, total_tokens: 18 },
      },
    }),
  ],
};

function start(block: object): string[] {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 11, output_tokens: 1 },
  };
  return [
    typed({ type: 'message_start', message }),
    typed({ type: 'content_block_start', index: 0, content_block: block }),
  ];
}

/** Anthropic messages. */
export const messages = {
  text: (...words: string[]): string[] => [
    ...start({ type: 'text', text: '' }),
    ...words.map((text) =>
      typed({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    ),
  ],
  toolCall: (name: string, json: string): string[] => [
    ...start({ type: 'tool_use', id: 'call_1', name, input: {} }),
    typed({ type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: json } }),
  ],
  end: (reason = 'end_turn'): string[] => [
    typed({ type: 'content_block_stop', index: 0 }),
    typed({
      type: 'message_delta',
      delta: { stop_reason: reason, stop_sequence: null },
      usage: { output_tokens: 7 },
    }),
    typed({ type: 'message_stop' }),
  ],
};
