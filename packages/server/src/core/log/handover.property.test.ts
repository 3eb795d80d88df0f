import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Chaos } from '../../../test/chaotic-bus.ts';
import { followLog, playScenario, scenario, type Follow } from '../../../test/handover-model.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';

/** `TEST_FUZZ_RUNS` and `TEST_FUZZ_SEED` make it longer, or repeat it. */
const RUNS = { pglite: 200, postgres: 100 };
const factor = Number(process.env['TEST_FUZZ_RUNS'] ?? RUNS.pglite) / RUNS.pglite;
const seed = Number(process.env['TEST_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

/** The common mistake: read the past, then subscribe; what commits in between is lost. */
const replayThenSubscribe: Follow = async ({ log, bus }, target, after, sink) => {
  sink.room = Infinity;
  const { frames } = await log.read(target, after, 100_000);
  for (const frame of frames) sink.write(frame);
  let cursor = frames.at(-1)?.seq ?? after;
  const off = await bus.subscribe(`log:${target.tenantId}/${target.sessionId}`, (payload) => {
    const { seq } = JSON.parse(payload) as { seq: number };
    void log.read(target, seq - 1, 1).then((page) => {
      for (const frame of page.frames) sink.write(frame);
      cursor = seq;
    });
  });
  return { resume() {}, stop: off, head: () => cursor, cursor: () => cursor };
};

/** Subscribes first, but trusts that hints come once, in order and all. */
const subscribeThenTrust: Follow = async ({ log, bus }, target, after, sink) => {
  sink.room = Infinity;
  let cursor = after;
  const write = async (upTo: number): Promise<void> => {
    const { frames } = await log.read(target, cursor, upTo - cursor);
    for (const frame of frames) sink.write(frame);
    cursor = upTo;
  };
  const off = await bus.subscribe(`log:${target.tenantId}/${target.sessionId}`, (payload) => {
    void write((JSON.parse(payload) as { seq: number }).seq).catch(() => {});
  });
  await write((await log.head(target)).lastSeq);
  return { resume() {}, stop: off, head: () => cursor, cursor: () => cursor };
};

describe.each(ENGINES)('hand-over from replay to live on %s', (engine) => {
  let h: Harness;
  let tenantId: string;
  beforeAll(async () => {
    h = await openHarness({ engine });
    tenantId = (await h.createTenant()).tenantId;
  });
  afterAll(() => h.close());

  const property = (follow: Follow, chaos?: Omit<Chaos, 'seed'>) =>
    fc.asyncProperty(scenario, (play) => playScenario(h, tenantId, play, follow, chaos));

  test(
    `every reader receives the log in order, once and whole (seed ${seed})`,
    { timeout: 60_000 * Math.max(1, factor) },
    async () => {
      const numRuns = Math.ceil(RUNS[engine] * factor);
      await fc.assert(property(followLog), { seed, numRuns });
    },
  );

  // Each on a bus that is better than the one above, so that only its own mistake can be found.
  test.each([
    ['replay, then subscribe', replayThenSubscribe, { loss: 0, double: 0, delayMs: 0 }],
    ['subscribe, then trust the hints', subscribeThenTrust, { loss: 0, double: 0.3, delayMs: 5 }],
  ])('the check catches a follower that does it wrong: %s', async (_name, follow, chaos) => {
    const result = await fc.check(property(follow, chaos), { seed, numRuns: 50, endOnFailure: true });
    expect(String(result.errorInstance)).toMatch(/A reader (got|ended)/);
  });
});
