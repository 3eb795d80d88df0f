import { CLOSE_REASONS, errorBodySchema, type CloseReason } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { createTestHttp, listen } from '../../../test/http-app.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { DomainError } from '../../core/errors.ts';
import { EphemeralFrame, Frame, type Follower, type Sink } from '../../core/log/index.ts';
import { defineRoute } from './route.ts';
import type { StreamEnd } from './stream-base.ts';
import { streamWs, WS_BAD_MESSAGE, WS_CLOSE_CODES } from './ws.ts';

const SESSION = '0195a7f0-0000-7000-8000-000000000003';

interface Started {
  sink: Sink;
  follower: Follower & { stops: number; resumes: number };
}

let app: FastifyInstance;
let clock: ManualClock;
let port: number;
let started: Started[];
let ends: StreamEnd[];
let sockets: WebSocket[];

function frame(seq: number, bytes = 3): Frame {
  const row = { seq, type: 'a.b', actor: 'x', client_msg_id: 'c', at: 0 };
  return new Frame(SESSION, { ...row, data: JSON.stringify({ text: 'x'.repeat(bytes) }) });
}

beforeEach(async () => {
  [started, ends, sockets, clock] = [[], [], [], new ManualClock()];
  const [startedHere, endsHere] = [started, ends];
  app = createTestHttp({ clock }).app;
  defineRoute(app, {
    method: 'GET',
    url: '/follow/:name',
    operationId: 'follow',
    summary: 'x',
    tags: ['x'],
    auth: 'required',
    scope: 'read',
    params: z.object({ name: z.string().max(5) }),
    query: z.strictObject({ after: z.coerce.number().optional() }),
    response: { 200: z.object({ plain: z.literal(true) }) },
    handler: async () => ({ plain: true as const }),
    ws: {
      prepare: async (_ctx, { params }) => {
        if (params.name === 'none') throw new DomainError('NOT_FOUND', 'Session not found.');
        return params.name;
      },
      open: (socket, request, prepared) => {
        expect(prepared).toBe('a');
        streamWs({
          request,
          socket,
          onEnd: (reason) => endsHere.push(reason),
          follow: (sink) => {
            const follower = {
              stops: 0,
              resumes: 0,
              resume: () => void follower.resumes++,
              stop: () => void follower.stops++,
              head: () => 5,
              cursor: () => 4,
            };
            startedHere.push({ sink, follower });
            return follower;
          },
        });
      },
    },
  });
  defineRoute(app, {
    method: 'GET',
    url: '/plain',
    operationId: 'plain',
    summary: 'x',
    tags: ['x'],
    auth: 'none',
    response: { 200: z.object({}) },
    handler: async () => ({}),
  });
  port = await listen(app);
});
afterEach(async () => {
  for (const socket of sockets) socket.terminate();
  await app.close();
});

class Client {
  readonly ws: WebSocket;
  readonly messages: string[] = [];
  readonly pings: string[] = [];
  close: { code: number; reason: string } | null = null;
  refusal: { status: number; body: string; headers: Record<string, unknown> } | null = null;
  constructor(
    path = '/follow/a',
    options: { protocols?: string[]; headers?: Record<string, string>; autoPong?: boolean } = {},
  ) {
    const headers = options.headers ?? (options.protocols === undefined ? { 'x-api-key': 'token-read' } : {});
    const { autoPong = true } = options;
    this.ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, options.protocols ?? [], { headers, autoPong });
    this.ws.on('message', (data) => this.messages.push((data as Buffer).toString()));
    this.ws.on('ping', (data) => this.pings.push(String(data)));
    this.ws.on('close', (code, reason) => {
      this.close = { code, reason: String(reason) };
    });
    this.ws.on('error', () => undefined);
    this.ws.on('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => {
        this.refusal = { status: response.statusCode ?? 0, body, headers: response.headers };
      });
    });
    sockets.push(this.ws);
  }
}

async function opened(client: Client): Promise<Started> {
  await vi.waitFor(() => {
    expect(client.ws.readyState).toBe(WebSocket.OPEN);
    expect(started).toHaveLength(1);
  });
  return started[0]!;
}

describe('upgrade', () => {
  it('takes a header credential', async () => {
    await opened(new Client());
  });
  it('takes a token by subprotocol and does not echo it', async () => {
    const client = new Client('/follow/a', { protocols: ['holdfast', 'bearer.token-read'] });
    await opened(client);
    expect(client.ws.protocol).toBe('holdfast');
  });
  it.each([
    ['no credential', '/follow/a', {}, 401, 'UNAUTHORIZED'],
    ['an unknown one', '/follow/a', { 'x-api-key': 'nope' }, 401, 'UNAUTHORIZED'],
    ['no scope', '/follow/a', { 'x-api-key': 'token-none' }, 403, 'FORBIDDEN'],
    ['a bad query', '/follow/a?x=1', { 'x-api-key': 'token-read' }, 400, 'VALIDATION_ERROR'],
    ['what prepare throws', '/follow/none', { 'x-api-key': 'token-read' }, 404, 'NOT_FOUND'],
    ['an unknown path', '/nowhere', {}, 404, 'NOT_FOUND'],
    ['a path without WebSocket', '/plain', {}, 400, 'INVALID_REQUEST'],
  ])('refuses %s in plain HTTP with the one body', async (_name, path, headers, status, code) => {
    const client = new Client(path, { headers: headers as Record<string, string> });
    await vi.waitFor(() => expect(client.refusal).not.toBeNull());
    const body = errorBodySchema.parse(JSON.parse(client.refusal!.body));
    expect([client.refusal!.status, body.code]).toEqual([status, code]);
    expect(client.refusal!.headers['x-request-id']).toBe(body.request_id);
    expect(started).toEqual([]);
  });
  it('refuses a broken handshake with the one body', async () => {
    const socket = connect({ host: '127.0.0.1', port });
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk) => (answer += String(chunk)));
    socket.write(
      'GET /follow/a HTTP/1.1\r\nHost: a\r\nX-API-Key: token-read\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n',
    );
    await vi.waitFor(() => expect(answer).toContain('"code":"INVALID_REQUEST"'));
    expect(answer).toMatch(/^HTTP\/1\.1 400/);
    expect(answer).toContain('x-request-id: ');
    socket.destroy();
  });
  it('serves the same path over HTTP', async () => {
    const answer = await app.inject({ url: '/follow/a', headers: { 'x-api-key': 'token-read' } });
    expect(answer.json()).toEqual({ plain: true });
  });
});

describe('messages', () => {
  it('are the frames as JSON text, in order', async () => {
    const client = new Client();
    const { sink } = await opened(client);
    expect(sink.write(frame(1))).toBe(true);
    expect(sink.writeEphemeral(new EphemeralFrame(SESSION, 'message.delta', 'hé'))).toBe(true);
    expect(sink.write(frame(2))).toBe(true);
    await vi.waitFor(() => expect(client.messages).toHaveLength(3));
    const parsed = client.messages.map((m) => JSON.parse(m) as Record<string, unknown>);
    expect(parsed).toMatchObject([{ seq: 1 }, { ephemeral: true, data: 'hé' }, { seq: 2 }]);
  });
  it('answer a ping with the head', async () => {
    const client = new Client();
    await opened(client);
    client.ws.send('{"type":"ping"}');
    await vi.waitFor(() => expect(client.messages).toEqual(['{"type":"pong","head":5}']));
  });
  it.each(['{"type":"send"}', '{"type":"ping","x":1}', 'nonsense', '"ping"', 'null', '[]'])(
    'other than ping close with 4400: %s',
    async (text) => {
      const client = new Client();
      const { follower } = await opened(client);
      client.ws.send(text);
      await vi.waitFor(() => expect(client.close).toEqual({ code: WS_BAD_MESSAGE, reason: 'bad_message' }));
      await vi.waitFor(() => expect(follower.stops).toBe(1));
    },
  );
  it('too large or binary close too', async () => {
    const [large, binary] = [new Client(), new Client()];
    await vi.waitFor(() => expect(started).toHaveLength(2));
    await vi.waitFor(() => expect([large, binary].map((c) => c.ws.readyState)).toEqual([1, 1]));
    large.ws.send(`{"type":"ping"${' '.repeat(5000)}}`);
    binary.ws.send(Buffer.from('{"type":"ping"}'));
    await vi.waitFor(() => expect([large.close?.code, binary.close?.code]).toEqual([1009, WS_BAD_MESSAGE]));
  });
});

describe('the server closes', () => {
  it('with a distinct code in 4000-4999 for every reason', () => {
    const codes = CLOSE_REASONS.map((reason) => WS_CLOSE_CODES[reason]);
    expect(new Set([...codes, WS_BAD_MESSAGE]).size).toBe(CLOSE_REASONS.length + 1);
    for (const code of codes) expect(code).toSatisfy((c: number) => c >= 4000 && c <= 4999);
  });
  it.each(CLOSE_REASONS.filter((reason) => reason !== 'slow_consumer'))(
    'with the code of %s after a control frame',
    async (reason: CloseReason) => {
      const client = new Client();
      const { sink, follower } = await opened(client);
      sink.close({ control: 'closed', reason, last_seq: 4 });
      await vi.waitFor(() => expect(client.close).toEqual({ code: WS_CLOSE_CODES[reason], reason }));
      expect(JSON.parse(client.messages.at(-1)!)).toEqual({ control: 'closed', reason, last_seq: 4 });
      await vi.waitFor(() => expect(ends).toEqual([reason]));
      expect(follower.stops).toBeGreaterThan(0);
    },
  );
  it('with server_shutdown when it stops', async () => {
    const client = new Client();
    await opened(client);
    await app.close();
    await vi.waitFor(() => expect(client.close?.code).toBe(WS_CLOSE_CODES.server_shutdown));
  });
  it('with slow_consumer a client that does not read', async () => {
    const client = new Client();
    const { sink, follower } = await opened(client);
    client.ws.pause();
    let seq = 0;
    let sent = 0;
    await vi.waitFor(() => {
      const before = follower.resumes;
      while (sink.write(frame(++seq, 100_000))) sent++;
      expect(follower.resumes).toBe(before);
    });
    expect(sent).toBeLessThan(1000);
    expect(sink.writeEphemeral(new EphemeralFrame(SESSION, 'message.delta', 1))).toBe(false);
    await vi.waitFor(() => {
      clock.advance(31_000);
      expect(ends).toEqual(['slow_consumer']);
    });
  });
});

describe('keep-alive', () => {
  it('pings with the head; a peer that answers stays, one that does not is cut', async () => {
    const [good, dead] = [new Client(), new Client('/follow/a', { autoPong: false })];
    await vi.waitFor(() => expect(started).toHaveLength(2));
    clock.advance(15_000);
    await vi.waitFor(() => expect([good.pings, dead.pings]).toEqual([['head=5'], ['head=5']]));
    good.ws.send('{"type":"ping"}');
    await vi.waitFor(() => expect(good.messages).toHaveLength(1));
    clock.advance(15_000);
    await vi.waitFor(() => expect(good.pings).toHaveLength(2));
    await vi.waitFor(() => expect(dead.close).not.toBeNull());
    expect(good.close).toBeNull();
  });
});
