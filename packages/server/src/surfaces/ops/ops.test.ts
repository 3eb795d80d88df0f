import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestHttp, type LoggedApp } from '../../../test/http-app.ts';
import { addHealthRoute, addMetricsRoute } from './index.ts';

let app: FastifyInstance;
let metrics: LoggedApp['metrics'];

beforeAll(() => {
  ({ app, metrics } = createTestHttp());
  addHealthRoute(app);
  addMetricsRoute(app, metrics);
});
afterAll(() => app.close());

const scrape = (token = 'token-read') => app.inject({ url: '/metrics', headers: { 'x-api-key': token } });

it('says that the process is up, to anybody', async () => {
  const answer = await app.inject('/health');
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual({ status: 'ok', timestamp: expect.any(String), uptime: expect.any(Number) });
  expect(new Date(answer.json().timestamp).toISOString()).toBe(answer.json().timestamp);
});

it('shows metrics to a reader or an admin only', async () => {
  expect((await app.inject('/metrics')).statusCode).toBe(401);
  expect((await scrape('token-none')).statusCode).toBe(403);
  expect((await scrape('token-admin')).statusCode).toBe(200);
  const answer = await scrape();
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
});

it('counts requests by route template, method and status class, never by raw path', async () => {
  await app.inject('/health');
  await app.inject('/secret-path/17');
  const lines = (await scrape()).body.split('\n');
  const count = (labels: string) =>
    Number(
      lines.find((line) => line.startsWith(`http_request_duration_seconds_count{${labels}}`))?.split(' ')[1],
    );
  expect(count('route="/health",method="GET",status_class="2xx"')).toBe(2);
  expect(count('route="unmatched",method="GET",status_class="4xx"')).toBe(1);
  expect(count('route="/metrics",method="GET",status_class="4xx"')).toBe(2);
  expect(lines.join('\n')).not.toContain('secret-path');
  const infinite = lines.find((line) => line.includes('route="/health"') && line.includes('le="+Inf"'));
  expect(infinite?.endsWith(' 2')).toBe(true);
});

it('has the process, the event loop, and what others add', async () => {
  const counter = metrics.counter('holdfast_things_total', 'Things.', ['kind']);
  counter.inc(['a'], 2);
  counter.inc(['a']);
  metrics.gauge('holdfast_open', 'Open.', () => 42);
  const { body } = await scrape();
  expect(body).toContain('process_resident_memory_bytes');
  expect(body).toContain('nodejs_eventloop_lag');
  expect(body).toContain('# TYPE holdfast_things_total counter\nholdfast_things_total{kind="a"} 3');
  expect(body).toContain('holdfast_open 42');
  expect(() => metrics.counter('holdfast_open', 'Again.')).toThrow('already');
});
