import { Api } from '../harness/api.ts';
import type { Bench, Engine } from '../harness/bench.ts';
import type { Child } from '../harness/child.ts';
import { startProcess } from '../harness/followers.ts';
import { interleave, type Interleaved } from '../harness/interleave.ts';
import { atLeast, atMost, type Row } from '../harness/row.ts';
import { profiled, withServer } from '../harness/server.ts';
import type { Sample } from '../harness/stats.ts';
import type { ModelLoad, TurnLoad } from '../process/turn-load.ts';

const PER_SESSION = 20;

/** From posting a message to seeing its run completed, beside calling the fake model directly. */
export async function measureTurns(bench: Bench): Promise<Row[]> {
  const [model, load] = await Promise.all([startProcess('model'), startProcess('load')]);
  const modelUrl = await model.ask<string>('url');
  const rows: Row[] = [];
  try {
    for (const engine of bench.engines) rows.push(...(await measureEngine(bench, engine, load, modelUrl)));
    return rows;
  } finally {
    await Promise.all([model.stop(), load.stop()]);
  }
}

function measureEngine(bench: Bench, engine: Engine, load: Child, modelUrl: string): Promise<Row[]> {
  return withServer(bench, engine, { COMPATIBLE_BASE_URL: modelUrl }, async (server) => {
    const { url, apiKey, projectId } = server;
    const api = new Api(url, apiKey);
    const agent = { project_id: projectId, name: 'Bench', model: 'compatible/fake' };
    const { id: agentId } = await api.post<{ id: string }>('/api/v1/agents', agent);
    await api.close();
    const rows: Row[] = [];
    const run = (concurrency: number, turns: number): Promise<Sample> => {
      const input = { url, apiKey, projectId, agentId, concurrency, turns, perSession: PER_SESSION };
      return load.ask('turns', input satisfies TurnLoad);
    };
    for (const concurrency of [1, 16]) {
      const turns = (concurrency === 1 ? 200 : 800) / (bench.quick ? 10 : 1);
      await run(concurrency, turns);
      const direct = { url: modelUrl, concurrency, turns: turns * 2 } satisfies ModelLoad;
      const result = await interleave(bench.repetitions, {
        ours: () => run(concurrency, turns),
        model: () => load.ask('modelCalls', direct),
      });
      rows.push(...toRows(engine, concurrency, result));
    }
    await profiled(bench, `turns on ${engine}`, server.child, () => run(16, 800));
    return rows;
  });
}

function toRows(engine: Engine, concurrency: number, result: Interleaved<'ours' | 'model'>): Row[] {
  const ours = result.of('ours');
  const model = result.of('model');
  const least = engine === 'postgres' ? 360 : 180;
  const common = { engine, p50: ours.p50, p95: ours.p95 };
  return [
    {
      ...common,
      id: `turns/${engine}/${concurrency}`,
      metric: `agent turns, ${concurrency} at a time`,
      value: ours.value,
      unit: 'turns/s',
      better: 'higher',
      baseline: { name: 'fake model alone', value: model.value },
      ratio: result.ratio('ours', 'model'),
      gates:
        concurrency === 1
          ? [atMost(ours.p50!, 7, undefined, 'ms p50')]
          : [atLeast(ours.value, least, undefined, '/s')],
    },
    {
      engine,
      id: `turns/first/${engine}/${concurrency}`,
      metric: `first token p50, ${concurrency} at a time`,
      value: ours.first!,
      unit: 'ms',
      better: 'lower',
      baseline: { name: 'fake model alone', value: model.first! },
      ratio: result.ratio('ours', 'model', 'first'),
      gates: concurrency === 1 ? [atMost(ours.first! - model.first!, 5, undefined, 'ms more')] : [],
    },
  ];
}
