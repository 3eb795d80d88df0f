import { describe, expect, test, vi } from 'vitest';
import {
  Holder,
  LeaseLostError,
  type Claim,
  type Hold,
  type HolderClock,
  type HolderTransport,
} from './index.ts';

const TTL = 16_000;

/** Stands still until `advance`. */
class ManualClock implements HolderClock {
  #now = 0;
  readonly #timers = new Set<{ due: number; ms: number; run(): void }>();

  get pendingCount(): number {
    return this.#timers.size;
  }

  monotonic(): number {
    return this.#now;
  }

  every(ms: number, run: () => void): { cancel(): void } {
    const timer = { due: this.#now + ms, ms, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Runs what falls due within `ms`, in order of time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.due - b.due);
      if (next === undefined || next.due > end) break;
      this.#now = next.due;
      next.due += next.ms;
      next.run();
    }
    this.#now = end;
  }
}

interface Work {
  claim: Claim;
  hold: Hold;
  end(): void;
  fail(error: Error): void;
}

/** A server that hands out what is queued, and remembers what it was told. */
class FakeServer implements HolderTransport<Claim, string> {
  readonly queue: string[] = [];
  readonly hints: (string | undefined)[] = [];
  readonly beats: string[][] = [];
  readonly lost = new Set<string>();
  claims = 0;
  /** What the next claim or heartbeat waits for. */
  gate: Promise<void> = Promise.resolve();
  refuse: Error | null = null;
  #epoch = 0;

  async claim(hint?: string): Promise<Claim | null> {
    this.hints.push(hint);
    this.claims += 1;
    await this.gate;
    if (this.refuse !== null) throw this.refuse;
    const index = hint === undefined ? 0 : this.queue.indexOf(hint);
    const [session_id] = index < 0 ? [] : this.queue.splice(index, 1);
    return session_id === undefined ? null : { session_id, epoch: (this.#epoch += 1), ttl_ms: TTL };
  }

  async heartbeat(claims: readonly Claim[]): Promise<ReadonlySet<string>> {
    this.beats.push(claims.map((claim) => claim.session_id));
    await this.gate;
    if (this.refuse !== null) throw this.refuse;
    return new Set(claims.map((claim) => claim.session_id).filter((id) => !this.lost.has(id)));
  }
}

function setUp(concurrency = 2) {
  const server = new FakeServer();
  const clock = new ManualClock();
  const works: Work[] = [];
  const errors: unknown[] = [];
  const holder = new Holder<Claim, string>({
    transport: server,
    clock,
    concurrency,
    ttlMs: TTL,
    pollMs: 1000,
    onError: (error) => errors.push(error),
    work: (claim, hold) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      works.push({ claim, hold, end: resolve, fail: reject });
      return promise;
    },
  });
  /** Starts with this much work, and waits until it has begun. */
  async function startWith(...sessions: string[]): Promise<void> {
    server.queue.push(...sessions);
    holder.start();
    await vi.waitFor(() => expect(works.length).toBe(Math.min(sessions.length, concurrency)));
  }
  return { server, clock, works, errors, holder, startWith };
}

/** Lets everything that waits for nothing but its turn happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a holder', () => {
  test('takes as much work as it has room for, and goes on as soon as there is room', async () => {
    const { server, works, holder, startWith } = setUp(2);
    await startWith('a', 'b', 'c', 'd');
    expect(holder.size).toBe(2);
    expect(holder.poke('c')).toBe(false);
    works[0]!.end();
    await vi.waitFor(() => expect(works.map((work) => work.claim.session_id)).toEqual(['a', 'b', 'c']));
    expect(holder.size).toBe(2);
    expect(server.queue).toEqual(['d']);
  });

  test('never claims more than it has room for, however often it is poked at once', async () => {
    const { server, works, holder, startWith } = setUp(3);
    await startWith();
    server.queue.push('a', 'b', 'c', 'd', 'e');
    const taken = ['a', 'b', 'c', 'd', 'e'].map((id) => holder.poke(id));
    expect(taken.filter(Boolean).length).toBeLessThanOrEqual(3);
    await vi.waitFor(() => expect(works.length).toBeGreaterThan(0));
    expect(holder.size).toBeLessThanOrEqual(3);
  });

  test('a poke looks at once and only there; the poll finds what no poke told of', async () => {
    const { server, clock, works, holder, startWith } = setUp();
    await startWith();
    server.queue.push('a', 'b');
    expect(holder.poke('b')).toBe(true);
    await vi.waitFor(() => expect(works.map((work) => work.claim.session_id)).toEqual(['b']));
    clock.advance(1000);
    await vi.waitFor(() => expect(works.map((work) => work.claim.session_id)).toEqual(['b', 'a']));
    expect(server.hints).toContain('b');
  });

  test('is not poked before start or after stop', async () => {
    const { server, holder } = setUp();
    expect(holder.poke('a')).toBe(false);
    holder.start();
    await holder.stop(0);
    server.queue.push('a');
    expect(holder.poke('a')).toBe(false);
    expect(server.queue).toEqual(['a']);
  });

  test('sends one heartbeat for all it holds, four in a TTL', async () => {
    const { server, clock, holder, startWith } = setUp(3);
    await startWith('a', 'b');
    for (let beat = 1; beat <= 8; beat += 1) {
      clock.advance(TTL / 4);
      await settle();
      expect(server.beats.length).toBe(beat);
    }
    expect(server.beats).toEqual(Array.from({ length: 8 }, () => ['a', 'b']));
    expect(holder.size).toBe(2);
  });

  test('ends what a heartbeat says is lost, and only that', async () => {
    const { server, clock, works, startWith } = setUp();
    await startWith('a', 'b');
    server.lost.add('a');
    clock.advance(TTL / 4);
    await vi.waitFor(() => expect(works[0]!.hold.signal.aborted).toBe(true));
    expect(works[0]!.hold.signal.reason).toBeInstanceOf(LeaseLostError);
    expect(works[1]!.hold.signal.aborted).toBe(false);
  });

  test('a failing heartbeat is no verdict, but without any it stops well within the TTL', async () => {
    const { server, clock, works, errors, startWith } = setUp();
    await startWith('a');
    clock.advance(TTL / 4);
    await settle();
    server.refuse = new Error('503');
    for (const failed of [1, 2]) {
      clock.advance(TTL / 4);
      await settle();
      expect(server.beats.length).toBe(1 + failed);
      expect(errors.length).toBeGreaterThanOrEqual(failed);
    }
    expect(works[0]!.hold.signal.aborted).toBe(false);
    // The last acknowledged one was sent at a quarter: three quarters later the claim counts as lost.
    clock.advance(TTL / 4);
    expect(works[0]!.hold.signal.aborted).toBe(true);
  });

  test('a heartbeat that hangs does not keep it from stopping in time', async () => {
    const { server, clock, works, startWith } = setUp();
    await startWith('a');
    const gate = Promise.withResolvers<void>();
    server.gate = gate.promise;
    clock.advance(TTL * 0.7);
    expect(works[0]!.hold.signal.aborted).toBe(false);
    clock.advance(TTL * 0.12);
    expect(works[0]!.hold.signal.aborted).toBe(true);
    expect(server.beats.length).toBe(1);
    gate.resolve();
  });

  test('the time a claim took counts as silence', async () => {
    const { server, clock, works, holder } = setUp();
    const gate = Promise.withResolvers<void>();
    server.gate = gate.promise;
    server.queue.push('a');
    holder.start();
    clock.advance(TTL * 0.6);
    gate.resolve();
    await vi.waitFor(() => expect(works.length).toBe(1));
    server.refuse = new Error('down');
    clock.advance(TTL * 0.2);
    expect(works[0]!.hold.signal.aborted).toBe(true);
  });

  test('a claim of a session whose work is still ending ends that first, and counts both', async () => {
    const { server, clock, works, holder, startWith } = setUp(3);
    await startWith('a');
    server.queue.push('a');
    holder.poke('a');
    await vi.waitFor(() => expect(works.length).toBe(2));
    expect(works[0]!.hold.signal.aborted).toBe(true);
    expect(works[1]!.hold.signal.aborted).toBe(false);
    expect(holder.size).toBe(2);
    works[0]!.end();
    await vi.waitFor(() => expect(holder.size).toBe(1));
    clock.advance(TTL / 4);
    await vi.waitFor(() => expect(server.beats.at(-1)).toEqual(['a']));
    expect(works[1]!.hold.signal.aborted).toBe(false);
  });

  test('abort ends what matches', async () => {
    const { works, holder, startWith } = setUp();
    await startWith('a', 'b');
    holder.abort((claim) => claim.session_id === 'b', new Error('cancelled'));
    expect(works.map((work) => work.hold.signal.aborted)).toEqual([false, true]);
  });

  test('work and claims that fail are reported, and the rest goes on', async () => {
    const { server, clock, works, errors, holder, startWith } = setUp();
    await startWith('a');
    works[0]!.fail(new Error('broken'));
    await vi.waitFor(() => expect(holder.size).toBe(0));
    server.refuse = new Error('down');
    clock.advance(1000);
    await vi.waitFor(() => expect(errors.map(String)).toEqual(['Error: broken', 'Error: down']));
    server.refuse = null;
    server.queue.push('b');
    clock.advance(1000);
    await vi.waitFor(() => expect(works.length).toBe(2));
  });

  describe('stop', () => {
    test('lets work end by itself within the grace, and takes none meanwhile', async () => {
      const { server, works, clock, holder, startWith } = setUp(1);
      await startWith('a', 'b');
      const stopped = holder.stop(60_000);
      works[0]!.end();
      await stopped;
      expect(works[0]!.hold.signal.aborted).toBe(false);
      expect(server.queue).toEqual(['b']);
      expect(clock.pendingCount).toBe(0);
    });

    test('aborts after the grace and waits for the end', async () => {
      const { works, holder, startWith } = setUp();
      await startWith('a');
      let stopped = false;
      const stopping = holder.stop(0).then(() => (stopped = true));
      await vi.waitFor(() => expect(works[0]!.hold.signal.aborted).toBe(true));
      expect(stopped).toBe(false);
      works[0]!.end();
      await stopping;
      expect(holder.size).toBe(0);
    });

    test('waits also for a claim under way, and for work that a newer claim replaced', async () => {
      const { server, works, holder, startWith } = setUp(3);
      await startWith('a');
      const gate = Promise.withResolvers<void>();
      server.gate = gate.promise;
      server.queue.push('a');
      holder.poke('a');
      let stopped = false;
      const stopping = holder.stop(0).then(() => (stopped = true));
      await vi.waitFor(() => expect(works[0]!.hold.signal.aborted).toBe(true));
      gate.resolve();
      await vi.waitFor(() => expect(works.length).toBe(2));
      expect(works[1]!.hold.signal.aborted).toBe(true);
      works[1]!.end();
      await vi.waitFor(() => expect(holder.size).toBe(1));
      expect(stopped).toBe(false);
      works[0]!.end();
      await stopping;
    });
  });
});
