import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { request } from 'undici';
import { percentile, type Sample } from '../harness/stats.ts';
import { Connection, type Target } from './connection.ts';
import { serve } from './serve.ts';

export interface CrossInput {
  /** A follower of the server that is written to, and one of another. */
  near: Target;
  far: Target;
  url: string;
  headers: Record<string, string>;
  body: string;
  times: number;
}

const GAP_MS = 3;
const SETTLE_MS = 200;

/** `value`: median of far minus near; p50 and p95: from the request to the far follower. Milliseconds. */
async function events({ near, far, url, headers, body, times }: CrossInput): Promise<Sample> {
  const connections = [new Connection(near), new Connection(far)] as const;
  await Promise.all(connections.map((connection) => connection.ready()));
  await pause(SETTLE_MS);
  const later: number[] = [];
  const whole: number[] = [];
  for (let round = 0; round < times; round += 1) {
    for (const connection of connections) connection.restart();
    const begun = performance.now();
    const answer = await request(url, { method: 'POST', headers, body });
    await answer.body.dump();
    while (connections.some(({ bytes }) => bytes === 0))
      await new Promise((resolve) => setImmediate(resolve));
    const [first, second] = connections;
    later.push(second.at - first.at);
    whole.push(second.at - begun);
    await pause(GAP_MS);
  }
  for (const { socket } of connections) socket.destroy();
  return { value: percentile(later, 0.5), p50: percentile(whole, 0.5), p95: percentile(whole, 0.95) };
}

/** From `publish` to the subscriber's message, between two connections of this process. */
async function redis({ url, times }: { url: string; times: number }): Promise<Sample> {
  const publisher = new Redis(url);
  const subscriber = new Redis(url);
  await subscriber.subscribe('bench');
  const taken: number[] = [];
  for (let round = 0; round < times; round += 1) {
    const begun = performance.now();
    const heard = once(subscriber, 'message');
    void publisher.publish('bench', '{"from":"0195a7f0-0000-7000-8000-000000000001","seq":1}');
    await heard;
    taken.push(performance.now() - begun);
    await pause(GAP_MS);
  }
  publisher.disconnect();
  subscriber.disconnect();
  return { value: percentile(taken, 0.5), p50: percentile(taken, 0.5), p95: percentile(taken, 0.95) };
}

serve({ events, redis });
