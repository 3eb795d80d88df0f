import { setTimeout as pause } from 'node:timers/promises';
import type { Bench, Engine } from '../harness/bench.ts';
import { Child } from '../harness/child.ts';
import { findFreePort } from '../../scripts/child-process.ts';
import { interleave, type Interleaved } from '../harness/interleave.ts';
import { residentBytes } from '../harness/memory.ts';
import { atMost, type Row } from '../harness/row.ts';
import { createPlace, startServer, type Place } from '../harness/server.ts';
import type { Sample } from '../harness/stats.ts';

const BARE = new URL('../process/bare-server.ts', import.meta.url).pathname;
const IDLE_MS = 5000;

/** From the start of the process to its first answer from the database; and what it then keeps in memory. */
export async function measureStart(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const engine of bench.engines) {
    const place = await createPlace(bench, engine);
    try {
      const first = await startServer(place, {}, { probe: false });
      await first.stop();
      const idleMs = bench.quick ? 500 : IDLE_MS;
      const result = await interleave(bench.repetitions, {
        ours: () => startOurs(place, first.apiKey, first.projectId, idleMs),
        bare: () => startBare(idleMs),
      });
      rows.push(...toRows(engine, result));
    } finally {
      await place.remove();
    }
  }
  return rows;
}

/** `value` in milliseconds, `memory` in MiB. */
async function startOurs(place: Place, apiKey: string, projectId: string, idleMs: number): Promise<Sample> {
  const port = await findFreePort();
  const begun = performance.now();
  const starting = startServer(place, { PORT: `${port}` }, { probe: false });
  const url = `http://127.0.0.1:${port}/api/v1/sessions?project_id=${projectId}`;
  const value = (await firstAnswer(url, { authorization: `Bearer ${apiKey}` })) - begun;
  const server = await starting;
  await pause(idleMs);
  const memory = residentBytes(server.child.pid) / 2 ** 20;
  await server.stop();
  return { value, memory };
}

async function startBare(idleMs: number): Promise<Sample> {
  const port = await findFreePort();
  const begun = performance.now();
  const starting = Child.start(BARE, { args: [`${port}`], ready: /ready/ });
  const value = (await firstAnswer(`http://127.0.0.1:${port}/`, {})) - begun;
  const server = await starting;
  await pause(idleMs / 5);
  const memory = residentBytes(server.pid) / 2 ** 20;
  await server.stop('SIGKILL');
  return { value, memory };
}

/** @returns when it came */
async function firstAnswer(url: string, headers: Record<string, string>): Promise<number> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const answer = await fetch(url, { headers }).catch(() => null);
    if (answer?.ok) return performance.now();
    if (answer !== null) throw new Error(`${answer.status} ${await answer.text()}`);
    if (performance.now() > deadline) throw new Error('The server did not answer.');
    await pause(4);
  }
}

function toRows(engine: Engine, result: Interleaved<'ours' | 'bare'>): Row[] {
  const ours = result.of('ours');
  const bare = result.of('bare');
  const name = 'bare node:http process';
  const memoryLimit = engine === 'postgres' ? 150 : 300;
  return [
    {
      id: `start/${engine}`,
      metric: 'start to first answered request, existing folder',
      engine,
      value: ours.value,
      unit: 'ms',
      better: 'lower',
      baseline: { name, value: bare.value },
      ratio: result.ratio('ours', 'bare'),
      gates: [atMost(ours.value, 1200, undefined, 'ms')],
    },
    {
      id: `start/memory/${engine}`,
      metric: 'resident memory, idle for 5 s',
      engine,
      value: ours.memory!,
      unit: 'MiB',
      better: 'lower',
      baseline: { name, value: bare.memory! },
      ratio: result.ratio('ours', 'bare', 'memory'),
      gates: [atMost(ours.memory!, memoryLimit, undefined, 'MiB')],
    },
  ];
}
