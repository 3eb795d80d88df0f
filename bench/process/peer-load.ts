import { Pool } from 'undici';
import type { Sample } from '../harness/stats.ts';
import { ANSWER } from './answer.ts';
import { time, type Timed } from './turn-load.ts';

export type PeerName = 'mastra' | 'langgraph';

export interface PeerLoad {
  peer: PeerName;
  url: string;
  concurrency: number;
  turns: number;
  /** After so many a conversation goes on in a new thread. */
  perSession: number;
}

interface Call {
  path: string;
  body: object;
}

interface Protocol {
  createThread: (thread: string) => Call;
  turn: (thread: string) => Call;
  /** Part of every event that carries text. */
  mark: string;
  /** The text of one event's data. */
  textOf: (data: never) => string;
}

const QUESTION = [{ role: 'user', content: 'Count to twenty.' }];
const TEXT = ANSWER.join('');

const PROTOCOLS: Record<PeerName, Protocol> = {
  mastra: {
    createThread: (threadId) => ({
      path: '/api/memory/threads?agentId=bench',
      body: { threadId, resourceId: 'bench', title: 'Bench', metadata: {} },
    }),
    turn: (thread) => ({
      path: '/api/agents/bench/stream',
      body: { messages: QUESTION, memory: { thread, resource: 'bench' } },
    }),
    mark: '"text-delta"',
    textOf: ({ type, payload }: { type?: string; payload?: { text: string } }) =>
      type === 'text-delta' ? payload!.text : '',
  },
  langgraph: {
    createThread: (thread_id) => ({ path: '/threads', body: { thread_id } }),
    turn: (thread) => ({
      path: `/threads/${thread}/runs/stream`,
      body: { assistant_id: 'bench', input: { messages: QUESTION }, stream_mode: ['messages-tuple'] },
    }),
    mark: ANSWER[0]!.trim(),
    textOf: (data: [{ type: string; content: string }] | object) =>
      Array.isArray(data) && data[0]?.type === 'ai' ? data[0].content : '',
  },
};

/** Turns of conversations with another server, each until its stream ends with the whole answer. */
export async function runPeerTurns(load: PeerLoad): Promise<Sample> {
  const protocol = PROTOCOLS[load.peer];
  const pool = new Pool(load.url, { connections: load.concurrency, pipelining: 1, bodyTimeout: 0 });
  const each = Math.ceil(load.turns / load.concurrency);
  const threads = Math.ceil(each / load.perSession);
  const workers = await Promise.all(
    Array.from({ length: load.concurrency }, async () => {
      const open: string[] = [];
      for (let index = 0; index < threads; index += 1) {
        const thread = crypto.randomUUID();
        await send(pool, protocol.createThread(thread));
        open.push(thread);
      }
      return open;
    }),
  );
  const sample = await time(
    workers.map((open) => async (record: (timed: Timed) => void) => {
      for (let turn = 0; turn < each; turn += 1)
        record(await takeTurn(pool, protocol, open[Math.floor(turn / load.perSession)]!));
    }),
  );
  await pool.destroy();
  return sample;
}

async function send(pool: Pool, { path, body }: Call) {
  const headers = { 'content-type': 'application/json' };
  const answer = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
  if (answer.statusCode >= 300) throw new Error(`${answer.statusCode} ${await answer.body.text()}`);
  if (!String(answer.headers['content-type']).startsWith('text/event-stream')) await answer.body.dump();
  return answer;
}

async function takeTurn(pool: Pool, protocol: Protocol, thread: string): Promise<Timed> {
  const begun = performance.now();
  const { body } = await send(pool, protocol.turn(thread));
  let text = '';
  let first = 0;
  for await (const chunk of body.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (first === 0 && text.includes(protocol.mark)) first = performance.now() - begun;
  }
  const total = performance.now() - begun;
  const said = text
    .split(/\r?\n\r?\n/)
    .map((event) => protocol.textOf(dataOf(event) as never))
    .join('');
  if (said !== TEXT) throw new Error(`The turn went wrong: ${text.slice(-2000)}`);
  return { first, total };
}

function dataOf(event: string): unknown {
  const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  const data = lines
    .map((line) => line.slice(5))
    .join('\n')
    .trim();
  return data === '' || data === '[DONE]' ? {} : JSON.parse(data);
}
