import { interleave } from '../harness/interleave.ts';
import { openFiles } from '../harness/open-files.ts';
import { atMost, type Row } from '../harness/row.ts';
import { median, percentile, type Sample } from '../harness/stats.ts';
import type { Target } from '../process/connection.ts';
import { DATA } from './append-schemes.ts';
import { FOLLOWERS, fromHead, rawTarget, type Setting } from './fan-out-setting.ts';

/** One event at a time to 1,000 and to 5,000 followers, beside a bare server that writes at once. */
export async function measureLatency(setting: Setting): Promise<Row[]> {
  const { bench, server, session, rawUrl } = setting;
  const rows: Row[] = [];
  const counts = [FOLLOWERS, 5000].filter((count) => count <= openFiles() - 1000);
  if (counts.length < 2) bench.note('too few open files are allowed for 5,000 followers');
  for (const count of counts) {
    const headers = { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' };
    const ours = { url: server.url + session.path, headers, body: JSON.stringify(session.body([DATA])) };
    const raw = { url: `${rawUrl}/publish`, headers: {}, body: '{}' };
    const result = await interleave(bench.repetitions, {
      ours: async () => runLatency(setting, await fromHead(setting), count, ours),
      raw: () => runLatency(setting, rawTarget(rawUrl), count, raw),
    });
    const ratio = result.ratio('ours', 'raw');
    const { value, p50 } = result.of('ours');
    rows.push({
      id: `fan-out/latency/${count}`,
      metric: `fan-out, one event to ${count}, p95`,
      engine: bench.mainEngine,
      value,
      unit: 'ms',
      better: 'lower',
      p50,
      p95: value,
      baseline: { name: 'bare sockets', value: result.of('raw').value },
      ratio,
      gates: [atMost(ratio, 1.5, 1.2)],
    });
  }
  return rows;
}

async function runLatency(
  { bench, followers }: Setting,
  target: Target,
  count: number,
  publish: { url: string; headers: Record<string, string>; body: string },
): Promise<Sample> {
  await followers.open(Array.from({ length: count }, () => target));
  const times = bench.quick ? 3 : 20;
  const taken = await followers.timeEach({ ...publish, times, gapMs: 50 });
  await followers.close();
  const each = (share: number): number => median(taken.map((one) => percentile(one, share)));
  return { value: each(0.95), p50: each(0.5) };
}
