import { connect, type Socket } from 'node:net';
import type { CloseReason } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createTestHttp, listen } from '../../../test/http-app.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { EphemeralFrame, Frame, type Follower, type Sink } from '../../core/log/index.ts';
import { defineRoute } from './route.ts';
import { parseLastEventId, streamSse } from './sse.ts';
import type { StreamEnd } from './stream-base.ts';

const SESSION = '0195a7f0-0000-7000-8000-000000000003';

/** A follow that pulls frames of `bytes` each, without end if `last` is not given. */
class TestFollow implements Follower {
  readonly sink: Sink;
  readonly after: number;
  stopped = 0;
  resumed = 0;
  blocked = false;
  headSeq = 0;
  #cursor: number;

  constructor(sink: Sink, after: number) {
    this.sink = sink;
    this.after = after;
    this.#cursor = after;
  }
  pump(upTo: number, bytes: number): void {
    this.headSeq = upTo;
    while (!this.blocked && this.stopped === 0 && this.#cursor < this.headSeq) {
      this.#cursor += 1;
      const row = { seq: this.#cursor, type: 'a.b', actor: 'x', client_msg_id: 'c', at: 0 };
      const data = JSON.stringify({ text: 'x'.repeat(bytes) });
      if (!this.sink.write(new Frame(SESSION, { ...row, data }))) this.blocked = true;
    }
  }
  resume(): void {
    this.resumed += 1;
    this.blocked = false;
    this.pump(this.headSeq, 10);
  }
  stop(): void {
    this.stopped += 1;
  }
  head(): number {
    return this.headSeq;
  }
  cursor(): number {
    return this.#cursor;
  }
}

let app: FastifyInstance;
let clock: ManualClock;
let port: number;
let follows: TestFollow[];
let ends: StreamEnd[];
let expiresAt: number | null;
let clients: Client[];

class Client {
  readonly socket: Socket;
  received = '';
  closed = false;
  constructor(path = '/follow', headers = '', method = 'GET') {
    this.socket = connect({ host: '127.0.0.1', port });
    this.socket.setEncoding('utf8');
    this.socket.on('data', (chunk) => {
      this.received += String(chunk);
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('error', () => undefined);
    this.socket.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n${headers}\r\n`);
    clients.push(this);
  }
  get body(): string {
    return this.received.slice(this.received.indexOf('\r\n\r\n') + 4);
  }
  ids(): number[] {
    return [...this.received.matchAll(/^id: (\d+)$/gm)].map((m) => Number(m[1]));
  }
}

async function follow(index = 0): Promise<TestFollow> {
  await vi.waitFor(() => expect(follows.length).toBeGreaterThan(index));
  return follows[index]!;
}

beforeEach(async () => {
  [follows, ends, clients, expiresAt, clock] = [[], [], [], null, new ManualClock()];
  // A stream of the test before may end late: it must not report here.
  const endsHere = ends;
  app = createTestHttp({ clock }).app;
  defineRoute(app, {
    method: 'GET',
    url: '/follow',
    operationId: 'follow',
    summary: 'x',
    tags: ['x'],
    auth: 'none',
    query: z.strictObject({ after: z.coerce.number().optional() }),
    response: { 200: z.unknown() },
    handler: async (_ctx, { query }, reply) => {
      const after = parseLastEventId(reply.request, query.after ?? 0);
      streamSse({
        request: reply.request,
        reply,
        expiresAt,
        onEnd: (reason) => endsHere.push(reason),
        follow: (sink) => {
          const started = new TestFollow(sink, after);
          follows.push(started);
          return started;
        },
      });
    },
  });
  port = await listen(app);
});
afterEach(async () => {
  for (const client of clients) client.socket.destroy();
  await app.close();
});

describe('a stream', () => {
  it('starts at once with the right headers and a jittered retry', async () => {
    const client = new Client('/follow', 'X-Request-Id: trace-9\r\n');
    await vi.waitFor(() => expect(client.body).toMatch(/^retry: \d+\n\n$/));
    const retry = Number(/retry: (\d+)/.exec(client.body)![1]);
    expect(retry).toBeGreaterThanOrEqual(1000);
    expect(retry).toBeLessThan(3000);
    const head = client.received.slice(0, client.received.indexOf('\r\n\r\n')).toLowerCase();
    expect(head).toMatch(/^http\/1\.1 200/);
    expect(head).toContain('content-type: text/event-stream');
    expect(head).toContain('cache-control: no-store');
    expect(head).toContain('x-accel-buffering: no');
    expect(head).toContain('x-request-id: trace-9');
    expect(head).toContain('x-content-type-options: nosniff');
    expect(head).not.toContain('transfer-encoding');
  });

  it('carries durable frames with ids, ephemeral ones without', async () => {
    const client = new Client();
    const started = await follow();
    started.pump(2, 3);
    started.sink.writeEphemeral(new EphemeralFrame(SESSION, 'message.delta', { text: 'hé' }));
    await vi.waitFor(() => expect(client.received).toContain('"text":"hé"'));
    expect(client.ids()).toEqual([1, 2]);
    expect(client.body).toMatch(/\n\ndata: \{"ephemeral":true,[^\n]*\n\n$/);
  });

  it('can be read by fetch', async () => {
    const response = await fetch(`http://127.0.0.1:${port}/follow`);
    (await follow()).pump(1, 3);
    await vi.waitFor(() => expect(follows[0]!.cursor()).toBe(1));
    follows[0]!.sink.close({ control: 'closed', reason: 'session_gone', last_seq: 1 });
    const text = await response.text();
    expect(text).toContain('id: 1\n');
    expect(text).toMatch(/data: \{"control":"closed","reason":"session_gone","last_seq":1\}\n\n$/);
  });

  it('stops the follow once when the client goes', async () => {
    const client = new Client();
    const started = await follow();
    client.socket.destroy();
    await vi.waitFor(() => expect(ends).toEqual(['client_gone']));
    expect(started.stopped).toBe(1);
    expect(
      started.sink.write(
        new Frame(SESSION, { seq: 1, type: 'a.b', actor: '', client_msg_id: '', data: '1', at: 0 }),
      ),
    ).toBe(false);
    expect(clock.pendingCount).toBe(0);
  });

  it('answers HEAD without following', async () => {
    const client = new Client('/follow', 'Connection: close\r\n', 'HEAD');
    await vi.waitFor(() => expect(client.closed).toBe(true));
    expect(client.received.toLowerCase()).toContain('content-type: text/event-stream');
    expect(follows).toEqual([]);
  });
});

describe('Last-Event-ID', () => {
  it('wins over after', async () => {
    new Client('/follow?after=3', 'Last-Event-ID: 41\r\n');
    expect((await follow()).after).toBe(41);
  });
  it('may be empty or absent', async () => {
    new Client('/follow?after=3', 'Last-Event-ID: \r\n');
    expect((await follow()).after).toBe(3);
  });
  it.each(['-1', '1.5', 'abc', '9007199254740993', '1e3', '99999999999999999999', '1 2', '0x1'])(
    'refuses %s',
    async (id) => {
      const answer = await app.inject({ url: '/follow', headers: { 'last-event-id': id } });
      expect(answer.statusCode).toBe(400);
      expect(answer.json()).toMatchObject({ code: 'VALIDATION_ERROR', errors: [{ field: 'Last-Event-ID' }] });
    },
  );
});

describe('keep-alive', () => {
  it('carries the head to every connection from one timer', async () => {
    const [a, b] = [new Client(), new Client()];
    (await follow(1)).headSeq = 7;
    (await follow(0)).headSeq = 7;
    expect(clock.pendingCount).toBe(1);
    clock.advance(14_999);
    clock.advance(1);
    await vi.waitFor(() => expect(a.received).toContain('\n\n: head=7\n\n'));
    await vi.waitFor(() => expect(b.received).toContain('\n\n: head=7\n\n'));
  });
});

describe('a client that does not read', () => {
  async function block(): Promise<{ client: Client; started: TestFollow }> {
    const client = new Client();
    const started = await follow();
    await vi.waitFor(() => expect(client.body).toContain('retry'));
    client.socket.pause();
    started.pump(1_000_000, 100_000);
    expect(started.blocked).toBe(true);
    // The kernel may still take a part; go on until nothing moves.
    await vi.waitFor(() => {
      const before = started.resumed;
      started.pump(1_000_000, 100_000);
      expect(started.blocked && started.resumed === before).toBe(true);
    });
    return { client, started };
  }

  it('is closed with slow_consumer after 30 s, holding little memory, and disturbs nobody', async () => {
    const { started } = await block();
    await new Promise((resolve) => setImmediate(resolve));
    const other = new Client();
    const live = await follow(1);
    live.pump(3, 10);
    await vi.waitFor(() => expect(other.ids()).toEqual([1, 2, 3]));
    const reached = started.cursor();
    for (let second = 0; second < 29; second++) clock.advance(1000);
    expect(ends).toEqual([]);
    expect(started.cursor() - reached).toBeLessThan(100);
    await vi.waitFor(() => {
      clock.advance(31_000);
      expect(ends).toEqual(['slow_consumer']);
    });
    expect(started.stopped).toBeGreaterThan(0);
    live.pump(4, 10);
    await vi.waitFor(() => expect(other.ids()).toEqual([1, 2, 3, 4]));
  });

  it('gets everything in order once it reads again', async () => {
    const { client, started } = await block();
    started.headSeq = started.cursor() + 50;
    client.socket.resume();
    await vi.waitFor(() => expect(client.ids().at(-1)).toBe(started.headSeq));
    const ids = client.ids();
    expect(ids).toEqual(ids.map((_, index) => index + 1));
    expect(started.resumed).toBeGreaterThan(0);
    for (let second = 0; second < 40; second++) clock.advance(1000);
    expect(ends).toEqual([]);
  });

  it('has ephemeral frames dropped', async () => {
    const { client, started } = await block();
    expect(started.sink.writeEphemeral(new EphemeralFrame(SESSION, 'message.delta', 'dropped'))).toBe(false);
    started.headSeq = started.cursor();
    const last = started.cursor();
    client.socket.resume();
    await vi.waitFor(() => expect(client.ids().at(-1)).toBe(last));
    expect(client.received).not.toContain('dropped');
  });
});

describe('the server ends streams', () => {
  it.each<CloseReason>(['server_shutdown', 'internal_error', 'cursor_gone'])(
    'with %s as the last words',
    async (reason) => {
      const client = new Client();
      const started = await follow();
      started.pump(2, 3);
      app.surface.streams.closeAll(reason);
      await vi.waitFor(() => expect(client.closed).toBe(true));
      expect(client.body).toMatch(
        new RegExp(`data: \\{"control":"closed","reason":"${reason}","last_seq":2\\}\n\n$`),
      );
      expect(ends).toEqual([reason]);
    },
  );

  it('when the credential ends', async () => {
    expiresAt = clock.now() + 5000;
    const client = new Client();
    await follow();
    clock.advance(4000);
    expect(ends).toEqual([]);
    clock.advance(1000);
    await vi.waitFor(() => expect(client.closed).toBe(true));
    expect(ends).toEqual(['credential_expired']);
  });

  it('when it closes, without waiting for clients', async () => {
    const client = new Client();
    await follow();
    await app.close();
    await vi.waitFor(() => expect(client.closed).toBe(true));
    expect(client.body).toContain('"reason":"server_shutdown"');
  });
});
