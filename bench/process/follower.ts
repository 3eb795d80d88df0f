import { request } from 'undici';
import { Connection, type Target } from './connection.ts';
import { MarkerCounter } from './marker-counter.ts';
import { serve } from './serve.ts';

/** So many connections are opened at once; a listener's backlog is finite. */
const OPENING = 100;

export interface ConnectInput {
  targets: Target[];
  /** Leaves the sockets unread once they are open. */
  silent?: boolean;
}
export interface ExpectInput {
  marker: string;
  events: number;
}
export interface PublishInput {
  url: string;
  headers: Record<string, string>;
  body: string;
  times: number;
  gapMs: number;
}

let connections: Connection[] = [];

async function open({ targets, silent = false }: ConnectInput): Promise<void> {
  for (let from = 0; from < targets.length; from += OPENING) {
    const slice = targets.slice(from, from + OPENING).map((target) => new Connection(target, silent));
    await Promise.all(slice.map((connection) => connection.ready()));
    connections.push(...slice);
  }
}

function close(): void {
  for (const { socket } of connections) socket.destroy();
  connections = [];
}

let armed: Promise<void> = Promise.resolve();

/** All get the same bytes: the first tells how many there are, the others are only counted. */
function arm({ marker, events }: ExpectInput): void {
  const counter = new MarkerCounter(marker);
  const first = connections[0]!;
  for (const connection of connections) connection.restart();
  armed = new Promise((resolve) => {
    first.onData = (chunk) => {
      counter.add(chunk);
      if (counter.count >= events) resolve();
    };
  });
}

async function heard(): Promise<void> {
  await armed;
  const first = connections[0]!;
  first.onData = null;
  await allHave(first.bytes);
}

async function allHave(bytes: number): Promise<void> {
  while (connections.some((connection) => connection.bytes < bytes)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Publishes one event at a time. @returns for each, when each follower had all of it, in ms */
async function timeEach({ url, headers, body, times, gapMs }: PublishInput): Promise<number[][]> {
  const taken: number[][] = [];
  for (let round = 0; round < times; round += 1) {
    for (const connection of connections) connection.restart();
    const begun = performance.now();
    const answer = await request(url, { method: 'POST', headers, body });
    if (answer.statusCode >= 300) throw new Error(await answer.body.text());
    await answer.body.dump();
    await allHave(1);
    await new Promise((resolve) => setTimeout(resolve, gapMs));
    taken.push(connections.map(({ at }) => at - begun));
  }
  return taken;
}

/** One reader of a log that exists. @returns milliseconds from the request to the last event, and the bytes */
async function replay({ target, marker, events }: { target: Target } & ExpectInput): Promise<number> {
  const counter = new MarkerCounter(marker);
  const begun = performance.now();
  const connection = new Connection(target);
  const done = Promise.withResolvers<number>();
  connection.onData = (chunk) => {
    counter.add(chunk);
    if (counter.count >= events) done.resolve(performance.now() - begun);
  };
  connection.socket.once('close', () => done.reject(new Error(`closed after ${counter.count} events`)));
  return done.promise.finally(() => connection.socket.destroy());
}

/** The newest frame, as text: what a bare server sends in its place. */
async function sample({ target, marker }: { target: Target; marker: string }): Promise<string> {
  const connection = new Connection(target);
  let text = '';
  const frame = await new Promise<string>((resolve) => {
    connection.onData = (chunk) => {
      text += chunk.toString();
      const found = text.split('\n\n').find((part) => part.includes(marker));
      if (found !== undefined && text.endsWith('\n\n')) resolve(`${found}\n\n`);
    };
  });
  connection.socket.destroy();
  return frame;
}

serve({ open, close, arm, heard, timeEach, replay, sample });
