import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createClient, isEphemeral, type Client, type FollowDetail, type FollowOptions } from '../index.ts';

const SESSION = '0191e7a0-0000-7000-8000-000000000001';

const event = (seq: number) => ({
  seq,
  type: 'build.status',
  session_id: SESSION,
  actor: 'a',
  client_msg_id: 'c',
  created_at: '2026-01-01T00:00:00.000Z',
  data: { n: seq },
});
const frame = (seq: number): string => `id: ${seq}\ndata: ${JSON.stringify(event(seq))}\n\n`;
const broadcast = `data: ${JSON.stringify({ ephemeral: true, type: 'a.b', session_id: SESSION, data: 1 })}\n\n`;
const closed = (reason: string): string =>
  `data: ${JSON.stringify({ control: 'closed', reason, last_seq: 0, min_seq: 7 })}\n\n`;

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const begin = (response: ServerResponse, ...parts: string[]): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const part of parts) response.write(part);
};
const stream =
  (...parts: string[]): Answer =>
  (response) => {
    begin(response, ...parts);
    response.end();
  };
const refuse =
  (status: number, code: string): Answer =>
  (response) =>
    void response.writeHead(status, { 'retry-after': '0' }).end(JSON.stringify({ code, message: 'no' }));
const drop: Answer = (_response, request) => void request.socket.destroy();

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

/** A server that answers one connection after another as told, the last answer again and again. */
async function scripted(...answers: Answer[]) {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)]!;
    asked.push(request.headers['last-event-id'] as string | undefined);
    answer(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { client: createClient({ baseUrl: `http://127.0.0.1:${port}`, apiKey: 'k' }), asked };
}

/** Follows until event `last`, and says what came. */
async function followTo(client: Client, last: number, options: FollowOptions = {}): Promise<number[]> {
  const seen: number[] = [];
  for await (const item of client.follow(SESSION, { reconnectMs: 1, ...options })) {
    if (isEphemeral(item)) continue;
    seen.push(item.seq);
    if (item.seq === last) break;
  }
  return seen;
}

describe('each event is given once, in order', () => {
  const half = frame(2).slice(0, -20);
  test.each<[string, Answer[], string[]]>([
    ['what comes again', [stream(frame(1), frame(2), frame(2), frame(1), frame(3))], ['0']],
    ['a stream that ends', [stream(frame(1), frame(2)), stream(frame(2), frame(3))], ['0', '2']],
    ['a gap', [stream(frame(1), frame(3)), stream(frame(2), frame(3))], ['0', '1']],
    ['half a frame', [stream(frame(1), half), stream(frame(2), frame(3))], ['0', '1']],
    [
      'half a frame and then others',
      [stream(frame(1), `${half}\n\n`, frame(2)), stream(frame(2), frame(3))],
      ['0', '1'],
    ],
    [
      'a frame that is not JSON',
      [stream('id: 1\ndata: {\n\n'), stream(frame(1), frame(2), frame(3))],
      ['0', '0'],
    ],
    [
      'connections that fail',
      [
        stream(frame(1), frame(2)),
        drop,
        refuse(503, 'SERVICE_UNAVAILABLE'),
        refuse(429, 'CONNECTION_LIMIT'),
        refuse(500, 'INTERNAL_ERROR'),
        stream(frame(3)),
      ],
      ['0', '2', '2', '2', '2', '2'],
    ],
    [
      "a proxy's page",
      [(response) => void response.end('<html>'), stream(frame(1), frame(2), frame(3))],
      ['0', '0'],
    ],
    [
      'a shutdown',
      [
        stream(frame(1), closed('server_shutdown')),
        stream(frame(2), closed('slow_consumer')),
        stream(frame(3)),
      ],
      ['0', '1', '2'],
    ],
  ])('%s', async (_name, answers, expected) => {
    const { client, asked } = await scripted(...answers);
    expect(await followTo(client, 3)).toEqual([1, 2, 3]);
    expect(asked).toEqual(expected);
  });

  test('a connection that goes silent is given up', async () => {
    const { client, asked } = await scripted((response) => begin(response, frame(1)), stream(frame(2)));
    expect(await followTo(client, 2, { silenceMs: 100 })).toEqual([1, 2]);
    expect(asked).toEqual(['0', '1']);
  });

  test('it begins where it is told', async () => {
    const { client, asked } = await scripted(stream(frame(6)));
    expect(await followTo(client, 6, { after: 5 })).toEqual([6]);
    expect(asked).toEqual(['5']);
  });
});

test.each<[string, Answer, object]>([
  ['an unknown session', refuse(404, 'NOT_FOUND'), { code: 'NOT_FOUND', status: 404 }],
  ['a credential that ran out', stream(closed('credential_expired')), { code: 'UNAUTHORIZED', status: 401 }],
  ['a login that was ended', stream(closed('credential_revoked')), { code: 'UNAUTHORIZED', status: 401 }],
  [
    'a log that was cut',
    stream(closed('cursor_gone')),
    { code: 'CURSOR_GONE', status: 410, details: { min_seq: 7 } },
  ],
  ['a log that fell back', stream(closed('cursor_ahead')), { code: 'CURSOR_AHEAD', status: 409 }],
  ['a session that was deleted', stream(closed('session_gone')), { code: 'NOT_FOUND', status: 404 }],
  ['frames that can never be read', stream('data: 1\n\n'), { code: 'UNEXPECTED_REPLY' }],
])('%s ends the follow with an error', async (_name, answer, expected) => {
  const { client } = await scripted(answer);
  await expect(followTo(client, 1)).rejects.toMatchObject({ name: 'HoldfastError', ...expected });
});

test('states tell what is going on, and the pause is the one that the server asks for', async () => {
  const { client } = await scripted(stream('retry: 40\n\n', frame(1)), drop, stream(frame(2)));
  const states: [string, FollowDetail][] = [];
  const onState: FollowOptions['onState'] = (state, detail) => states.push([state, detail]);
  await followTo(client, 2, { onState, reconnectMs: undefined });
  expect(states.map(([state]) => state).join(' ')).toBe(
    'connecting live waiting connecting waiting connecting live',
  );
  const [first, second] = states.filter(([state]) => state === 'waiting').map(([, detail]) => detail);
  expect(first).toMatchObject({ after: 1, failures: 1, error: { code: 'UNREACHABLE' } });
  expect(first!.inMs! >= 20 && first!.inMs! <= 40).toBe(true);
  expect(second!.inMs! >= 40 && second!.inMs! <= 80).toBe(true);
});

test('an abort ends the loop, whatever it is waiting for', async () => {
  for (const answer of [drop, (response: ServerResponse) => begin(response)]) {
    const { client } = await scripted(answer);
    const stop = new AbortController();
    const following = followTo(client, 1, { signal: stop.signal, reconnectMs: 60_000 });
    setTimeout(() => stop.abort(), 30);
    expect(await following).toEqual([]);
  }
});

test('leaving the loop closes the connection', async () => {
  const gone = Promise.withResolvers<void>();
  const { client } = await scripted((response) => {
    response.once('close', gone.resolve);
    begin(response, frame(1));
  });
  expect(await followTo(client, 1)).toEqual([1]);
  await gone.promise;
});

test('broadcast-only events come in between', async () => {
  const { client } = await scripted(stream(broadcast, frame(1)));
  const seen: boolean[] = [];
  for await (const item of client.follow(SESSION)) {
    seen.push(isEphemeral(item));
    if (seen.length === 2) break;
  }
  expect(seen).toEqual([true, false]);
});

test('a loop that stands still stops the reading', async () => {
  let written = 0;
  const big = (seq: number) => frame(seq).replace('"n":', `"text":"${'x'.repeat(100_000)}","n":`);
  const { client } = await scripted((response) => {
    begin(response, frame(1));
    const more = (): void => {
      while (written < 2000 && response.write(big((written += 1) + 1)));
      if (written < 2000) response.once('drain', more);
    };
    more();
  });
  const iterator = client.follow(SESSION);
  await iterator.next();
  let before = -1;
  while (before !== written) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  // What the buffers of two sockets and of fetch take; far from the 200 MB there are.
  expect(written).toBeLessThan(300);
  await iterator.return();
});
