import { Pool } from 'undici';
import { percentile, type Sample } from '../harness/stats.ts';
import { runPeerTurns } from './peer-load.ts';
import { runModelCalls, runTurns } from './turn-load.ts';
import { serve } from './serve.ts';

export interface RequestLoad {
  url: string;
  path: string;
  headers: Record<string, string>;
  /** Default POST, which is answered with 201; a GET with 200. */
  method?: 'GET' | 'POST';
  body?: string;
  concurrency: number;
  count: number;
}

/** The same request over and over, on as many keep-alive connections as are concurrent. */
async function requests({
  url,
  path,
  headers,
  method = 'POST',
  body,
  concurrency,
  count,
}: RequestLoad): Promise<Sample> {
  const pool = new Pool(url, { connections: concurrency, pipelining: 1 });
  const times: number[] = [];
  let left = count;
  const begun = performance.now();
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const at = performance.now();
      const answer = await pool.request({ method, path, headers, body });
      const text = await answer.body.text();
      if (answer.statusCode !== (method === 'POST' ? 201 : 200))
        throw new Error(`${answer.statusCode} ${text}`);
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - begun) / 1000;
  await pool.close();
  return { value: count / seconds, p50: percentile(times, 0.5), p95: percentile(times, 0.95) };
}

serve({ requests, turns: runTurns, modelCalls: runModelCalls, peerTurns: runPeerTurns });
