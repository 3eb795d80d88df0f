import { readFileSync } from 'node:fs';
import type { SignedHead } from '@holdfast/protocol';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { auditEntries, newHeadsFile, newSigningKey } from '../../../test/audit.ts';
import { fillChain } from '../../../test/audit-tamper.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { HeadKeeper } from '../../features/audit/index.ts';
import { createNotary } from '../../infra/audit/index.ts';
import { auditJobs } from './audit-jobs.ts';
import { createSchedule } from './schedule.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2031, 0, 1);

describe.each(ENGINES)('by themselves, on %s,', (engine) => {
  let h: Harness;
  beforeAll(async () => {
    h = await openHarness({ engine, ownDb: true });
  }, 60_000);
  afterAll(() => h.close());

  test('BF-5.3.e audit entries go when they are old enough, and the ends of chains are signed', async () => {
    const { tenantId } = await h.createTenant();
    // The third entry is ten days old half an hour after the start.
    const ages = [12 * DAY, 11 * DAY, 10 * DAY - HOUR / 2, 9 * DAY, 8 * DAY];
    await fillChain(h.db, tenantId, ages.length, (n) => ({
      occurred_at: new Date(START - ages[n - 1]!).toISOString(),
    }));
    const file = newHeadsFile();
    const notary = createNotary({
      secret: 'a secret that is long enough to be one',
      signingKey: newSigningKey(),
      headsFile: file,
    });
    const clock = new ManualClock(START);
    const services = h.otherServices({ clock, notary });
    const keeper = new HeadKeeper(services, { everyEntries: 1000, everyMs: HOUR });
    const schedule = createSchedule(services, 5000, auditJobs(services, keeper, 10));
    const seqs = async () => (await auditEntries(h.db, tenantId)).map(({ seq }) => seq);
    const signed = () =>
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as SignedHead)
        .filter(({ tenant_id, kind }) => tenant_id === tenantId && kind === 'head')
        .map(({ seq }) => seq);

    schedule.start();
    try {
      await vi.waitFor(async () => expect(await seqs()).toEqual([3, 4, 5, 6]));
      await vi.waitFor(() => expect(signed().length).toBeGreaterThan(0));
      clock.advance(HOUR);
      await vi.waitFor(async () => expect(await seqs()).toEqual([4, 5, 6, 7]));
      clock.advance(HOUR);
      await vi.waitFor(() => expect(signed().at(-1)).toBe(7));
    } finally {
      schedule.stop();
    }
  });
});
