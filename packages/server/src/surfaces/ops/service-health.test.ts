import { afterEach, describe, expect, it } from 'vitest';
import { createTestHttp } from '../../../test/http-app.ts';
import { openHarness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import type { HealthCheck } from './health-check.ts';
import { addServiceHealthRoute, serviceChecks } from './service-health.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function start(checks: readonly HealthCheck[]) {
  const clock = new ManualClock();
  const { app } = createTestHttp({ clock });
  open.push(app);
  addServiceHealthRoute(app, checks, '9.9.9');
  return { clock, ask: () => app.inject('/api/health') };
}

const check = (name: string, essential: boolean, run: HealthCheck['run']): HealthCheck => ({
  name,
  essential,
  run,
});
const up = async () => ({ status: 'up' as const });
const broken = () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7:5432 user=admin'));

describe('/api/health', () => {
  it('BF-4.3.b is 200 healthy, 200 degraded without what is optional, 503 without what is essential', async () => {
    const cases = [
      [[check('db', true, up), check('mail', false, up)], 200, 'healthy'],
      [[check('db', true, up), check('mail', false, broken)], 200, 'degraded'],
      [[check('db', true, broken), check('mail', false, up)], 503, 'unhealthy'],
      [[], 200, 'healthy'],
    ] as const;
    for (const [checks, status, said] of cases) {
      const answer = await start(checks).ask();
      expect([answer.statusCode, answer.json().status]).toEqual([status, said]);
      expect(answer.headers['cache-control']).toBe('no-store');
    }
  });

  it('BF-4.3.f says how long each check took, and nothing of why one failed', async () => {
    const answer = await start([check('db', true, up), check('mail', false, broken)]).ask();
    expect(answer.json()).toMatchObject({
      version: '9.9.9',
      checks: [
        { name: 'db', status: 'up', essential: true, response_ms: 0, message: null },
        { name: 'mail', status: 'down', essential: false, response_ms: 0, message: 'it does not answer' },
      ],
    });
    expect(answer.body).not.toMatch(/10\.0\.0\.7|admin/);
  });

  it('waits two seconds for a check, no longer', async () => {
    const { clock, ask } = start([check('db', true, () => new Promise(() => {})), check('x', false, up)]);
    const asked = ask();
    await expect.poll(() => clock.pendingCount).toBe(1);
    clock.advance(2000);
    const answer = await asked;
    expect([answer.statusCode, answer.json().checks[0].response_ms]).toEqual([503, 2000]);
    expect(answer.json().checks[0].message).toBe('no answer within 2000 ms');
  });

  it('asks again after two seconds only, however many ask', async () => {
    let runs = 0;
    let works = true;
    const counting = async () => {
      runs += 1;
      return { status: works ? ('up' as const) : ('down' as const) };
    };
    const { clock, ask } = start([check('db', true, counting)]);
    await Promise.all(Array.from({ length: 20 }, ask));
    works = false;
    expect((await ask()).statusCode).toBe(200);
    expect(runs).toBe(1);
    clock.advance(2000);
    expect((await ask()).statusCode).toBe(503);
    expect(runs).toBe(2);
  });

  it('checks the database and the bus of this server', async () => {
    const h = await openHarness();
    open.push(h);
    const healthy = await start(serviceChecks(h.services)).ask();
    expect(healthy.json()).toMatchObject({
      status: 'healthy',
      checks: [
        { name: 'database', status: 'up', message: 'pglite' },
        { name: 'bus', status: 'up' },
      ],
    });
    const bus = { ...h.services.bus, state: () => 'down' as const };
    expect((await start(serviceChecks({ ...h.services, bus })).ask()).json().status).toBe('degraded');
  });
});
