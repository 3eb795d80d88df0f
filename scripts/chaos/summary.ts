import type { Ending } from './kill-rounds.ts';
import type { SessionHistory, Violation } from './history.ts';
import type { ServerProcess } from './server-process.ts';
import type { World } from './world.ts';

export interface Summary {
  lines: string[];
  violations: Violation[];
  /** Events of each type in all logs. */
  events: Map<string, number>;
  acknowledged: number;
}

interface Input {
  seconds: number;
  rounds: number;
  kills: Record<Ending, number>;
  histories: SessionHistory[];
  violations: Violation[];
  world: World;
  server: ServerProcess;
}

const SHOWN_VIOLATIONS = 30;

/** The value below which `share` of the values lie; 0 for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const list = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, count]) => `${key} ${count}`)
    .join(', ');

/** The figures of a kill test, and what it found. */
export function summariseKills(input: Input): Summary {
  const { histories, violations, world, server, kills } = input;
  const events = new Map<string, number>();
  for (const { type } of histories.flatMap(({ log }) => log)) events.set(type, (events.get(type) ?? 0) + 1);
  const follows = world.sessions.flatMap((session) => session.follows);
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const acknowledged = sum([...world.acknowledged.values()]);
  const starts = server.startTimes.map(Math.round);
  const endings = new Map<string, number>();
  for (const [key, count] of follows.flatMap((follower) => [...follower.endings]))
    endings.set(key, (endings.get(key) ?? 0) + count);
  const lines = [
    `${input.rounds} rounds in ${input.seconds} s, seed ${world.seed}: killed ${kills.server} running servers, ` +
      `${kills.start} starting ones, ${kills.backend} database backends`,
    `start: p50 ${percentile(starts, 0.5)} ms, p95 ${percentile(starts, 0.95)} ms, ${starts.length} starts`,
    `acknowledged writes: ${acknowledged} (${list(world.acknowledged)})`,
    `requests repeated: ${world.client.retries}; answers 5xx: ${list(new Map([...world.client.failures].map(([status, count]) => [String(status), count]))) || 'none'}`,
    `sessions ${histories.length}, events ${sum(histories.map(({ log }) => log.length))}: ${list(events)}`,
    `followers ${follows.length}: ${sum(follows.map(({ received }) => received.length))} events and ` +
      `${sum(follows.map(({ deltas }) => deltas.length))} deltas over ${sum(follows.map(({ connections }) => connections))} connections (${list(endings)})`,
    `recoveries: ${events.get('session.recovered') ?? 0} sessions, ${events.get('run.resumed') ?? 0} runs`,
    `violations: ${violations.length}`,
    ...violations
      .slice(0, SHOWN_VIOLATIONS)
      .map(({ rule, session, detail }) => `  ${rule} (${session}): ${detail}`),
  ];
  return { lines, violations, events, acknowledged };
}
