import { basename } from 'node:path';
import type { Profiler } from 'node:inspector';

const TOP = 18;

interface Running {
  post(method: 'Profiler.stop'): Promise<{ profile: Profiler.Profile }>;
  disconnect(): void;
}

let running: Running | null = null;

/** Begins to sample where this process spends its time. */
export async function startProfile(): Promise<void> {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 500 });
  await session.post('Profiler.start');
  running = session as unknown as Running;
}

/** @returns the functions with the most time of their own, as `12.3 % name (file:line)` */
export async function stopProfile(): Promise<string[]> {
  if (running === null) return [];
  const { profile } = await running.post('Profiler.stop');
  running.disconnect();
  running = null;
  return summarise(profile);
}

function summarise({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): string[] {
  const nameOf = new Map(nodes.map(({ id, callFrame }) => [id, describe(callFrame)]));
  const spent = new Map<string, number>();
  samples.forEach((id, index) => {
    const name = nameOf.get(id)!;
    if (name.startsWith('post (node:inspector')) return;
    spent.set(name, (spent.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  });
  const total = [...spent.values()].reduce((sum, time) => sum + time, 0);
  const sorted = [...spent].sort(([, a], [, b]) => b - a).slice(0, TOP);
  return sorted.map(([name, time]) => `${((100 * time) / total).toFixed(1).padStart(5)} % ${name}`);
}

function describe({ functionName, url, lineNumber }: Profiler.Profile['nodes'][0]['callFrame']): string {
  const place = url === '' ? '' : ` (${basename(url)}:${lineNumber + 1})`;
  return `${functionName || 'anonymous'}${place}`;
}
