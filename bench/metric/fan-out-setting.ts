import type { HeldSession } from '../harness/api.ts';
import type { Bench } from '../harness/bench.ts';
import type { Child } from '../harness/child.ts';
import { sseTarget, type Followers } from '../harness/followers.ts';
import type { Server } from '../harness/server.ts';
import type { Target } from '../process/connection.ts';
import { DATA } from './append-schemes.ts';

export const FOLLOWERS = 1000;
export const MARKER = 'bench.tick';
/** Requests that append at the same time: enough that the server never waits for one. */
export const WINDOW = 4;

/** One server, one session, a bare server to compare with, and the followers of all. */
export interface Setting {
  bench: Bench;
  server: Server;
  session: HeldSession;
  raw: Child;
  rawUrl: string;
  followers: Followers;
  events: number;
}

/** Only what comes from now on: the log begins with what earlier runs wrote. */
export async function fromHead({ server, session }: Setting): Promise<Target> {
  const { events } = await session.append([DATA]);
  return sseTarget(server, `${session.path}?after=${events[0]!.seq}`);
}

export function rawTarget(url: string): Target {
  return { kind: 'sse', url, path: '/raw', headers: {} };
}
