import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server in the place of a model provider: it speaks OpenAI's chat completions and notes the keys it is shown. */
export interface ChatProvider {
  url: string;
  /** The `Authorization` headers, in order. */
  keys: string[];
  close(): Promise<void>;
}

const chunk = (choice: object, rest: object = {}): string =>
  `data: ${JSON.stringify({
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, finish_reason: null, delta: {}, ...choice }],
    ...rest,
  })}\n\n`;

export async function startChatProvider(answer = 'Hello'): Promise<ChatProvider> {
  const keys: string[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers.authorization ?? '');
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ delta: { role: 'assistant', content: answer } }));
      const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
      response.end(`${chunk({ finish_reason: 'stop' }, { usage })}data: [DONE]\n\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    keys,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
