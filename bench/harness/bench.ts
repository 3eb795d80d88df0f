import type { Row } from './row.ts';

export type Engine = 'postgres' | 'pglite';

/** What every metric is given; plain data, as each runs in a process of its own. */
export interface Settings {
  engines: Engine[];
  /** Few and short repetitions: to see that the benchmark works, not how fast anything is. */
  quick: boolean;
  repetitions: number;
  /** Of an administrator of the private PostgreSQL; null where there is none. */
  postgresUrl: string | null;
  redisUrl: string | null;
  pgbench: string | null;
  /** Prints where the processes under test spend their time. */
  profile: boolean;
}

export interface Bench extends Settings {
  /** The engine for what does not depend on it. */
  mainEngine: Engine;
  note(text: string): void;
}

export type Metric = (bench: Bench) => Promise<Row[]>;
