import fc from 'fast-check';
import type { EventLog, Follower, LogTarget } from '../src/core/log/index.ts';
import type { Bus, Db } from '../src/core/ports.ts';
import { createLocalBus } from '../src/infra/bus/local-bus.ts';
import { ChaoticBus, type Chaos } from './chaotic-bus.ts';
import type { Harness } from './harness.ts';
import { createLog, passTurns, RecordingSink } from './log-fixture.ts';
import { ManualClock } from './manual-clock.ts';

/** One of two servers on one database and one bus. */
export interface Server {
  db: Db;
  bus: Bus;
  log: EventLog;
}

/** How a reader attaches to a log: the real way, or a broken one that the checker must catch. */
export type Follow = (
  server: Server,
  target: LogTarget,
  after: number,
  sink: RecordingSink,
) => Promise<Follower>;

export const followLog: Follow = async ({ log }, target, after, sink) =>
  (await log.hub.open(target, after)).start(sink);

const on = fc.nat(1);
const turns = fc.nat(4);
const who = fc.nat(9);
const count = fc.integer({ min: 1, max: 4 });

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('append' as const), on, count, turns }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('tx' as const),
      on,
      count,
      turns,
      fails: fc.boolean(),
      holds: turns,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('follow' as const),
      on,
      turns,
      /** Where in the log so far, from its beginning (0) to its end (1). */
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      /** Frames the sink takes at a time. */
      room: fc.constantFrom(1, 3, 10, Infinity),
      /** Turns until a full sink has room again, or never before the end. */
      drains: fc.option(turns),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reconnect' as const), on, who, turns }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const), who, turns }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('check' as const), on, turns }) },
);
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

export const scenario = fc.record({
  seed: fc.nat(),
  steps: fc.array(step, { minLength: 10, maxLength: 40 }),
});
export type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never;

interface Options {
  room: number;
  drains: number | null;
}

/** A person who reads on across any number of connections. */
class Reader {
  readonly from: number;
  readonly received: { seq: number; json: string }[] = [];
  readonly #options: Options;
  #sink: RecordingSink | null = null;
  #follower: Follower | null = null;
  #work: Promise<void> = Promise.resolve();
  gone = false;

  constructor(from: number, options: Options) {
    this.from = from;
    this.#options = options;
  }

  get last(): number {
    return this.received.at(-1)?.seq ?? this.from;
  }

  /** Operations of one reader come one after another. */
  do(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work);
    return this.#work;
  }

  async connect(server: Server, target: LogTarget, follow: Follow): Promise<void> {
    if (this.gone) return;
    this.disconnect();
    const { room, drains } = this.#options;
    const sink = new RecordingSink(room);
    const write = sink.write.bind(sink);
    sink.write = (frame) => {
      this.received.push({ seq: frame.seq, json: frame.json });
      const more = write(frame);
      if (!more && drains !== null) {
        void passTurns(drains).then(() => this.#sink === sink && sink.drain(this.#follower!, room));
      }
      return more;
    };
    // A full sink may be drained only once its follower is known.
    const follower = await follow(server, target, this.last, sink);
    this.#follower = follower;
    this.#sink = sink;
    if (sink.room <= 0 && drains !== null) sink.drain(follower, room);
  }

  disconnect(): void {
    if (this.#sink?.misuse) throw new Error(this.#sink.misuse);
    if (this.#follower !== null) this.#sink?.stop(this.#follower);
    this.#sink = null;
    this.#follower = null;
  }

  /** Takes everything from now on. */
  hurry(): void {
    this.#options.room = Infinity;
    if (this.#sink !== null && this.#follower !== null) this.#sink.drain(this.#follower);
  }
}

/**
 * Plays a scenario and compares what every reader received with what the log holds.
 * @throws Error saying what differs
 */
export async function playScenario(
  h: Harness,
  tenantId: string,
  play: Scenario,
  follow: Follow,
  chaos: Omit<Chaos, 'seed'> = {},
): Promise<void> {
  const inner = createLocalBus();
  const buses = [0, 1].map((index) => new ChaoticBus(inner, { ...chaos, seed: play.seed + index }));
  const servers = buses.map((bus): Server => {
    const { db, log } = h.otherServices({ bus, clock: new ManualClock() });
    return { db, bus, log };
  });
  const target = await createLog(h.db, tenantId);
  const world = new World(servers, target, follow);
  try {
    for (const each of play.steps) {
      world.take(each);
      await passTurns(each.turns);
    }
    await world.finish();
  } finally {
    for (const server of servers) server.log.close();
    for (const bus of buses) await bus.close();
  }
}

class World {
  readonly #servers: Server[];
  readonly #target: LogTarget;
  readonly #follow: Follow;
  readonly #readers: Reader[] = [];
  readonly #work: Promise<unknown>[] = [];
  readonly #acked = new Map<number, string>();
  #made = 0;

  constructor(servers: Server[], target: LogTarget, follow: Follow) {
    this.#servers = servers;
    this.#target = target;
    this.#follow = follow;
  }

  /** Starts a step; what it begins goes on beside the next steps. */
  take(play: Step): void {
    const server = this.#servers['on' in play ? play.on : 0]!;
    const reader = 'who' in play ? this.#readers[play.who % Math.max(1, this.#readers.length)] : undefined;
    if (play.do === 'append') for (let i = 0; i < play.count; i += 1) this.#start(this.#append(server));
    else if (play.do === 'tx') this.#start(this.#transact(server, play.count, play.fails, play.holds));
    else if (play.do === 'check') this.#start(server.log.hub.checkTails());
    else if (play.do === 'follow') {
      const end = Math.max(0, ...this.#acked.keys());
      const added = new Reader(Math.floor(play.from * end), { room: play.room, drains: play.drains });
      this.#readers.push(added);
      this.#start(added.do(() => added.connect(server, this.#target, this.#follow)));
    } else if (play.do === 'reconnect') {
      if (reader !== undefined)
        this.#start(reader.do(() => reader.connect(server, this.#target, this.#follow)));
    } else if (reader !== undefined) {
      this.#start(
        reader.do(async () => {
          reader.gone = true;
          reader.disconnect();
        }),
      );
    }
  }

  async finish(): Promise<void> {
    await Promise.all(this.#work);
    for (const reader of this.#readers) reader.hurry();
    await Promise.all(this.#servers.map((server) => server.log.hub.checkTails()));
    const { frames } = await this.#servers[0]!.log.read(this.#target, 0, 100_000);
    this.#compareAcked(frames);
    const end = frames.length;
    const behind = () => this.#readers.filter((reader) => !reader.gone && reader.last < end);
    for (const began = performance.now(); behind().length > 0;) {
      if (performance.now() - began > 3000) break;
      await passTurns(1);
    }
    // One turn more, for whatever should not come.
    await passTurns(2);
    for (const reader of this.#readers) {
      reader.disconnect();
      compareReceived(reader, frames);
      if (!reader.gone && reader.last !== end) throw new Error(`A reader ended at ${reader.last} of ${end}.`);
    }
  }

  #compareAcked(frames: readonly { seq: number; json: string }[]): void {
    frames.forEach((frame, index) => {
      if (frame.seq !== index + 1) throw new Error(`The log holds ${frame.seq} at place ${index + 1}.`);
    });
    if (frames.length !== this.#acked.size) {
      throw new Error(`The log holds ${frames.length} events, ${this.#acked.size} were acknowledged.`);
    }
    for (const [seq, text] of this.#acked) {
      if (!frames[seq - 1]!.json.includes(text)) throw new Error(`Event ${seq} is not the one acknowledged.`);
    }
  }

  #start(work: Promise<unknown>): void {
    work.catch(() => {});
    this.#work.push(work);
  }

  async #append({ log }: Server): Promise<void> {
    const text = this.#newText();
    const { seq } = await log.append(
      this.#target,
      { type: 'test.written', actor: 'test', data: { text } },
      1,
    );
    this.#acked.set(seq, text);
  }

  async #transact({ db, log }: Server, size: number, fails: boolean, holds: number): Promise<void> {
    const texts = Array.from({ length: size }, () => this.#newText());
    const rolledBack = new Error('rolled back on purpose');
    try {
      const seqs = await db.transaction(async (tx) => {
        const events = texts.map((text) => ({
          type: 'session.updated' as const,
          actor: 'test',
          data: { changes: { text } },
        }));
        const numbers = await log.appendTx(tx, this.#target, events);
        await passTurns(holds);
        if (fails) throw rolledBack;
        return numbers;
      });
      seqs.forEach((seq, index) => this.#acked.set(seq, texts[index]!));
    } catch (error) {
      if (error !== rolledBack) throw error;
    }
  }

  #newText(): string {
    this.#made += 1;
    return `<${this.#made}>${'ü'.repeat(this.#made % 7)}`;
  }
}

function compareReceived(reader: Reader, frames: readonly { seq: number; json: string }[]): void {
  reader.received.forEach((got, index) => {
    const expected = reader.from + index + 1;
    if (got.seq !== expected) throw new Error(`A reader got ${got.seq} where ${expected} comes next.`);
    if (got.json !== frames[got.seq - 1]?.json) throw new Error(`A reader got another text as ${got.seq}.`);
  });
}
