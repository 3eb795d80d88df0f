import type { Metric } from '../harness/bench.ts';
import { measureAppend } from './append.ts';
import { measureAudit } from './audit.ts';
import { measureDeliver } from './deliver.ts';
import { measureFanOut } from './fan-out.ts';
import { measureFrontDoor } from './front-door.ts';
import { measureIdle } from './idle.ts';
import { measurePeers } from './peers.ts';
import { measureReplay } from './replay.ts';
import { measureSessions } from './sessions.ts';
import { measureSlowClients } from './slow-clients.ts';
import { measureStart } from './start.ts';
import { measureTurns } from './turns.ts';
import { measureTwoServers } from './two-servers.ts';

/** In the order of the table. */
export const METRICS = {
  append: measureAppend,
  deliver: measureDeliver,
  'fan-out': measureFanOut,
  idle: measureIdle,
  start: measureStart,
  replay: measureReplay,
  'slow-clients': measureSlowClients,
  turns: measureTurns,
  peers: measurePeers,
  sessions: measureSessions,
  'front-door': measureFrontDoor,
  audit: measureAudit,
  'two-servers': measureTwoServers,
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;
export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];
