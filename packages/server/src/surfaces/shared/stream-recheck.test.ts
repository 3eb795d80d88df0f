import { request } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { createTestHttp, listen } from '../../../test/http-app.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { Principal } from '../../core/context.ts';
import type { Follower } from '../../core/log/index.ts';
import { defineRoute } from './route.ts';
import { streamSse } from './sse.ts';
import type { FindEnded } from './stream-hub.ts';
import { streamWs } from './ws.ts';

const idle = (): Follower => ({ resume() {}, stop() {}, head: () => 5, cursor: () => 4 });

let app: FastifyInstance;
let clock: ManualClock;
let port: number;
let open: number;
/** Whom the look was asked about, each time. */
let looks: string[][];
let revoked: Set<string>;
let away: boolean;

const findEnded: FindEnded = async (principals) => {
  const asked = [...principals];
  looks.push(asked.map(({ actor }) => actor).toSorted());
  if (away) throw new Error('the database is away');
  return new Set(asked.filter(({ actor }) => revoked.has(actor)));
};

beforeEach(async () => {
  [clock, looks, revoked, away, open] = [new ManualClock(), [], new Set<string>(), false, 0];
  app = createTestHttp({ clock, findEnded }).app;
  defineRoute(app, {
    method: 'GET',
    url: '/follow',
    operationId: 'follow',
    summary: 'x',
    tags: ['x'],
    auth: 'required',
    scope: 'read',
    response: { 200: z.unknown() },
    handler: async (_ctx, _input, reply) => {
      open += 1;
      streamSse({ request: reply.request, reply, follow: idle });
    },
    ws: {
      prepare: async () => null,
      open: (socket, req) => {
        open += 1;
        streamWs({ request: req, socket, follow: idle });
      },
    },
  });
  port = await listen(app);
});
afterEach(() => app.close());

/** @returns what the server says last, once it has closed the stream */
function followSse(token: string): { end: Promise<string> } {
  const end = new Promise<string>((resolve, reject) => {
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${token}` };
    const req = request({ host: '127.0.0.1', port, path: '/follow', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('end', () => resolve(text));
    });
    req.on('error', reject).end();
  });
  return { end };
}

function followWs(token: string): { end: Promise<string> } {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/follow`, ['holdfast', `bearer.${token}`]);
  return {
    end: new Promise((resolve) => socket.on('close', (code, reason) => resolve(`${code} ${String(reason)}`))),
  };
}

/** Time for one look, and for what follows from it. */
async function look(): Promise<void> {
  const before = looks.length;
  clock.advance(2000);
  expect(looks.length).toBe(before + 1);
  await new Promise((resolve) => setImmediate(resolve));
}

const until = (count: number) => vi.waitFor(() => expect(open).toBe(count));
const key = (token: string): Principal['actor'] => `key:${token}`;

describe('a stream of who was let in', () => {
  it('ends within seconds of the revocation, over SSE and WebSocket, and others go on', async () => {
    const [sse, ws] = [followSse('token-read'), followWs('token-read')];
    const other = followSse('token-admin');
    await until(3);
    await look();
    expect(new Set(looks[0])).toEqual(new Set([key('token-read'), key('token-admin')]));
    revoked.add(key('token-read'));
    await look();
    expect(await sse.end).toContain('"reason":"credential_revoked"');
    expect(await ws.end).toBe('4403 credential_revoked');
    await look();
    expect(looks.at(-1)).toEqual([key('token-admin')]);
    revoked.add(key('token-admin'));
    await look();
    expect(await other.end).toContain('credential_revoked');
  });

  it('goes on while the database is away, and ends once it is back', async () => {
    const sse = followSse('token-read');
    await until(1);
    revoked.add(key('token-read'));
    away = true;
    for (let n = 0; n < 5; n += 1) await look();
    expect(app.surface.streams.size).toBe(1);
    away = false;
    await look();
    expect(await sse.end).toContain('credential_revoked');
  });

  it('costs one look for all, and none when there is no stream', async () => {
    const streams = Array.from({ length: 5 }, () => followSse('token-read'));
    await until(5);
    await look();
    revoked.add(key('token-read'));
    await look();
    await Promise.all(streams.map(({ end }) => end));
    await vi.waitFor(() => expect(app.surface.streams.size).toBe(0));
    clock.advance(60_000);
    expect(looks).toHaveLength(2);
  });
});
