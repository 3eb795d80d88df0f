import type { Bench } from '../harness/bench.ts';
import type { Child } from '../harness/child.ts';
import { interleave } from '../harness/interleave.ts';
import { atLeast, type Row } from '../harness/row.ts';
import { profiled } from '../harness/server.ts';
import type { Sample } from '../harness/stats.ts';
import type { Target } from '../process/connection.ts';
import { DATA } from './append-schemes.ts';
import { FOLLOWERS, fromHead, MARKER, rawTarget, WINDOW, type Setting } from './fan-out-setting.ts';

/** Deliveries a second when the server has as much to send as it can, beside bare sockets and Socket.IO. */
export async function measureRate(setting: Setting, socketIo: Child | null): Promise<Row[]> {
  const { bench, server, session, raw, rawUrl, events } = setting;
  const variants: Record<string, () => Promise<Sample>> = {
    ours: async () =>
      runRate(setting, server.child, await fromHead(setting), () =>
        session.fill(events, () => DATA, { window: WINDOW }),
      ),
    raw: () => runRate(setting, raw, rawTarget(rawUrl), () => raw.ask('saturate', { events, batch: 1 })),
    batched: () =>
      runRate(setting, raw, rawTarget(rawUrl), () => raw.ask('saturate', { events, batch: WINDOW })),
  };
  if (socketIo !== null) {
    const url = await socketIo.ask<string>('url');
    const target: Target = {
      kind: 'socket.io',
      url,
      path: '/socket.io/?EIO=4&transport=websocket',
      headers: {},
    };
    const data = { seq: 1000, session_id: session.path, ...DATA };
    variants.socketIo = () =>
      runRate(setting, socketIo, target, () => socketIo.ask('saturate', { events, name: MARKER, data }));
  }
  await variants.ours!();
  const result = await interleave(bench.repetitions, variants);
  await profiled(bench, 'fan-out', server.child, async () => void (await variants.ours!()));
  const names = {
    raw: 'bare corked sockets',
    batched: `bare, ${WINDOW} events a write`,
    socketIo: 'Socket.IO emit',
  };
  return (['raw', 'batched', 'socketIo'] as const)
    .filter((name) => result.has(name))
    .flatMap((name) =>
      rateRows(bench, name, names[name], result.of('ours'), result.of(name), {
        value: result.ratio('ours', name),
        cpu: result.ratio('ours', name, 'cpu'),
      }),
    );
}

function rateRows(
  { mainEngine: engine }: Bench,
  name: 'raw' | 'batched' | 'socketIo',
  label: string,
  ours: Sample,
  base: Sample,
  ratio: { value: number; cpu: number },
): Row[] {
  const gates = { raw: [atLeast(ratio.value, 0.7, 0.85)], batched: [], socketIo: [atLeast(ratio.value, 1)] }[
    name
  ];
  const common = { engine };
  return [
    {
      ...common,
      id: `fan-out/rate/${name}`,
      metric: 'fan-out to 1000, saturated',
      value: ours.value,
      unit: 'deliveries/s',
      better: 'higher',
      baseline: { name: label, value: base.value },
      ratio: ratio.value,
      gates,
    },
    {
      ...common,
      id: `fan-out/cpu/${name}`,
      metric: 'fan-out, server CPU of a delivery',
      value: ours.cpu!,
      unit: 'us',
      better: 'lower',
      baseline: { name: label, value: base.cpu! },
      ratio: ratio.cpu,
    },
  ];
}

/** Deliveries a second, from the first request to the last byte at the last follower. */
async function runRate(
  { followers, events }: Setting,
  server: Child,
  target: Target,
  publish: () => Promise<unknown>,
): Promise<Sample> {
  await followers.open(Array.from({ length: FOLLOWERS }, () => target));
  await followers.arm({ marker: MARKER, events });
  const before = await server.usage();
  const begun = performance.now();
  await Promise.all([publish(), followers.heard()]);
  const seconds = (performance.now() - begun) / 1000;
  const { cpu } = await server.usage();
  await followers.close();
  const deliveries = FOLLOWERS * events;
  return { value: deliveries / seconds, cpu: (cpu - before.cpu) / deliveries };
}
