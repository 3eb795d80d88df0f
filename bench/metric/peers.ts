import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Api } from '../harness/api.ts';
import type { Bench, Engine } from '../harness/bench.ts';
import { Child } from '../harness/child.ts';
import { createFolder } from '../harness/database.ts';
import { startProcess } from '../harness/followers.ts';
import { interleave } from '../harness/interleave.ts';
import type { Row } from '../harness/row.ts';
import { withServer } from '../harness/server.ts';
import type { Sample } from '../harness/stats.ts';
import type { PeerLoad, PeerName } from '../process/peer-load.ts';
import type { TurnLoad } from '../process/turn-load.ts';

const FOLDER = join(import.meta.dirname, '../peers');
const NAMES: Record<PeerName, string> = {
  mastra: 'Mastra, LibSQL file',
  langgraph: 'LangGraph dev, in memory',
};
const PER_SESSION = 20;
const TURNS = { mastra: 320, langgraph: 96 };

/** The same turns taken by other agent servers, those of them that are installed. */
export async function measurePeers(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  const [model, load] = await Promise.all([startProcess('model'), startProcess('load')]);
  try {
    const modelUrl = await model.ask<string>('url');
    for (const peer of Object.keys(NAMES) as PeerName[]) {
      if (!existsSync(join(FOLDER, peer, 'node_modules'))) {
        bench.note(`${NAMES[peer]}: not installed, left out; npm run bench:peers installs it`);
        continue;
      }
      const folder = await createFolder();
      const server = await START[peer](modelUrl, folder.path);
      try {
        for (const engine of bench.engines)
          rows.push(...(await compare(bench, engine, peer, server.url, load, modelUrl)));
      } finally {
        await server.child.stop();
        await folder.remove();
      }
    }
    return rows;
  } finally {
    await Promise.all([model.stop(), load.stop()]);
  }
}

function compare(
  bench: Bench,
  engine: Engine,
  peer: PeerName,
  peerUrl: string,
  load: Child,
  modelUrl: string,
): Promise<Row[]> {
  return withServer(bench, engine, { COMPATIBLE_BASE_URL: modelUrl }, async ({ url, apiKey, projectId }) => {
    const api = new Api(url, apiKey);
    const agent = { project_id: projectId, name: 'Bench', model: 'compatible/fake' };
    const { id: agentId } = await api.post<{ id: string }>('/api/v1/agents', agent);
    await api.close();
    const rows: Row[] = [];
    for (const concurrency of [1, 16]) {
      const turns = Math.max(concurrency, TURNS[peer] / (concurrency === 1 ? 8 : 1) / (bench.quick ? 4 : 1));
      const common = { concurrency, turns, perSession: PER_SESSION };
      const ours = (): Promise<Sample> =>
        load.ask('turns', { ...common, url, apiKey, projectId, agentId } satisfies TurnLoad);
      const theirs = (): Promise<Sample> =>
        load.ask('peerTurns', { ...common, url: peerUrl, peer } satisfies PeerLoad);
      await ours();
      await theirs();
      const result = await interleave(bench.repetitions, { ours, theirs });
      rows.push({
        id: `peers/${peer}/${engine}/${concurrency}`,
        metric: `agent turns beside a peer, ${concurrency} at a time`,
        engine,
        value: result.of('ours').value,
        unit: 'turns/s',
        better: 'higher',
        p50: result.of('ours').p50,
        p95: result.of('ours').p95,
        baseline: { name: NAMES[peer], value: result.of('theirs').value },
        ratio: result.ratio('ours', 'theirs'),
      });
    }
    return rows;
  });
}

interface Started {
  child: Child;
  url: string;
}

const START: Record<PeerName, (modelUrl: string, folder: string) => Promise<Started>> = {
  async mastra(modelUrl, folder) {
    const env = { BENCH_MODEL_URL: modelUrl, BENCH_FOLDER: folder };
    const ready = /ready at (http:\S+)/;
    const child = await Child.start(join(FOLDER, 'mastra/server.mjs'), { env, ready });
    return { child, url: ready.exec(child.output)![1]! };
  },
  async langgraph(modelUrl) {
    const port = await findPort();
    const project = join(FOLDER, 'langgraph');
    const child = await Child.start(join(project, 'node_modules/@langchain/langgraph-cli/dist/cli/cli.mjs'), {
      args: [
        ...['dev', '--no-browser', '--host', '127.0.0.1', '--port', String(port)],
        ...['--n-jobs-per-worker', '16', '--config', join(project, 'langgraph.json')],
      ],
      env: { PATH: process.env.PATH, BENCH_MODEL_URL: modelUrl, NO_COLOR: '1', LANGSMITH_TRACING: 'false' },
      ready: /Server running at/,
    });
    return { child, url: `http://127.0.0.1:${port}` };
  },
};

async function findPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
