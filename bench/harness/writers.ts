import { monitorEventLoopDelay } from 'node:perf_hooks';
import { latencies, type Sample } from './stats.ts';

const LOOP_RESOLUTION_MS = 1;

export interface Load {
  writers: number;
  sessions: number;
  seconds: number;
}

/**
 * So many writers, each sending its next write once the last is acknowledged, to the sessions in turn.
 * @returns writes a second, their latency, and the 99th percentile of the event loop's delay (ms)
 */
export async function runWriters(load: Load, write: (session: number) => Promise<unknown>): Promise<Sample> {
  const times: number[] = [];
  let turn = 0;
  const begun = performance.now();
  const end = begun + load.seconds * 1000;
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  const writer = async (): Promise<void> => {
    for (let at = performance.now(); at < end;) {
      await write(turn++ % load.sessions);
      const now = performance.now();
      times.push(now - at);
      at = now;
    }
  };
  await Promise.all(Array.from({ length: load.writers }, writer));
  loop.disable();
  const seconds = (performance.now() - begun) / 1000;
  const delay = loop.percentile(99) / 1e6 - LOOP_RESOLUTION_MS;
  return { value: times.length / seconds, ...latencies(times), loop: Math.max(0, delay) };
}
