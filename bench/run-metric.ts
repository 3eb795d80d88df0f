import type { Bench, Metric, Settings } from './harness/bench.ts';
import { METRICS, type MetricName } from './metric/index.ts';

/** From this process to the one that prints the table. */
export type Report = { note: string } | { rows: Awaited<ReturnType<Metric>> } | { failed: string };

// One metric in a process of its own: what one leaves behind cannot slow down the next.
process.once('message', ({ name, settings }: { name: MetricName; settings: Settings }) => {
  const bench: Bench = {
    ...settings,
    mainEngine: settings.engines.includes('postgres') ? 'postgres' : 'pglite',
    note: (note) => send({ note }),
  };
  METRICS[name](bench).then(
    (rows) => send({ rows }),
    (error: unknown) => send({ failed: error instanceof Error ? (error.stack ?? '') : String(error) }),
  );
});

function send(report: Report): void {
  process.send?.(report, () => 'note' in report || process.exit());
}
