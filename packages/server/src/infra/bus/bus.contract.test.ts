import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { findRedisServer, PrivateRedis } from '../../../test/private-redis.ts';
import { silentLogger } from '../../../test/harness.ts';
import type { Bus, Logger } from '../../core/ports.ts';
import { createLocalBus } from './local-bus.ts';
import { createRedisBus } from './redis-bus.ts';

const redisUrl = process.env['TEST_REDIS_URL'];

const engines: [string, () => Promise<Bus>][] = [['local', async () => createLocalBus()]];
if (redisUrl !== undefined) {
  engines.push([
    'redis',
    () => createRedisBus({ url: redisUrl, prefix: `test-${randomUUID()}`, logger: silentLogger }),
  ]);
}

/** A topic of its own and what was heard on it. */
async function listen(bus: Bus, topic: string = randomUUID()) {
  const heard: string[] = [];
  const off = await bus.subscribe(topic, (payload) => heard.push(payload));
  return { topic, heard, off };
}

describe.each(engines)('bus on %s', (_name, open) => {
  let bus: Bus;
  beforeAll(async () => {
    bus = await open();
  });
  afterAll(() => bus.close());

  /** Resolves once everything published before has been delivered. */
  async function settle(): Promise<void> {
    const { topic, heard, off } = await listen(bus);
    bus.publish(topic, 'last');
    await vi.waitFor(() => expect(heard).toEqual(['last']));
    off();
  }

  test('delivers what is published after subscribe resolved, unchanged and in order', async () => {
    const { topic, heard } = await listen(bus);
    const payloads = ['', 'plain', '{"a":"\\u0000 ü 😀"}', 'x'.repeat(300_000)];
    for (const payload of payloads) bus.publish(topic, payload);
    await vi.waitFor(() => expect(heard).toEqual(payloads));
  });

  test('every subscriber of a topic hears it, none of another topic', async () => {
    const [a, other] = [await listen(bus), await listen(bus)];
    const second = await listen(bus, a.topic);
    bus.publish(a.topic, 'x');
    await settle();
    expect([a.heard, second.heard, other.heard]).toEqual([['x'], ['x'], []]);
  });

  test('many subscribers at once each wait for the acknowledgement', async () => {
    const topic = randomUUID();
    const all = await Promise.all(Array.from({ length: 20 }, () => listen(bus, topic)));
    bus.publish(topic, 'x');
    await settle();
    expect(all.map(({ heard }) => heard.length)).toEqual(all.map(() => 1));
  });

  test('unsubscribing ends one subscription and leaves the others, however often it is called', async () => {
    const { topic, heard, off } = await listen(bus);
    const other = await listen(bus, topic);
    off();
    off();
    bus.publish(topic, 'x');
    await settle();
    expect([heard, other.heard]).toEqual([[], ['x']]);
    other.off();
    const again = await listen(bus, topic);
    bus.publish(topic, 'y');
    await settle();
    expect([other.heard, again.heard]).toEqual([['x'], ['y']]);
  });

  test('the same function subscribed twice hears twice, and once after one unsubscribe', async () => {
    const heard: string[] = [];
    const topic = randomUUID();
    const handler = (payload: string) => heard.push(payload);
    const off = await bus.subscribe(topic, handler);
    await bus.subscribe(topic, handler);
    bus.publish(topic, 'a');
    await settle();
    off();
    bus.publish(topic, 'b');
    await settle();
    expect(heard).toEqual(['a', 'a', 'b']);
  });

  test('publishing to nobody is harmless', async () => {
    expect(() => bus.publish(randomUUID(), 'x')).not.toThrow();
    await settle();
  });

  test('a handler that throws hurts neither the others nor the publisher', async () => {
    const topic = randomUUID();
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await bus.subscribe(topic, () => {
      throw new Error('handler broke');
    });
    const { heard } = await listen(bus, topic);
    bus.publish(topic, 'x');
    await vi.waitFor(() => expect(heard).toEqual(['x']));
    warned.mockRestore();
  });

  test('a publisher does not run its subscribers', async () => {
    const { topic, heard } = await listen(bus);
    bus.publish(topic, 'x');
    expect(heard).toEqual([]);
    await vi.waitFor(() => expect(heard).toEqual(['x']));
  });
});

describe.skipIf(redisUrl === undefined)('two servers on redis', () => {
  test('hear each other under one prefix and not under another', async () => {
    const prefix = `test-${randomUUID()}`;
    const make = (own: string) => createRedisBus({ url: redisUrl!, prefix: own, logger: silentLogger });
    const [a, b, foreign] = [await make(prefix), await make(prefix), await make(`${prefix}-b`)];
    const [here, there] = [await listen(b, 'topic'), await listen(foreign, 'topic')];
    a.publish('topic', 'x');
    await vi.waitFor(() => expect(here.heard).toEqual(['x']));
    foreign.publish('topic', 'y');
    await vi.waitFor(() => expect(there.heard).toEqual(['y']));
    expect(here.heard).toEqual(['x']);
    for (const bus of [a, b, foreign]) await bus.close();
  });
});

describe.skipIf(findRedisServer() === null)('redis that stops and comes back', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start() {
    const redis = await PrivateRedis.start();
    closing.push(() => redis.stop());
    const said: string[] = [];
    const note = (_fields: object, message: string) => void said.push(message);
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    const bus = await createRedisBus({ url: redis.url, logger });
    closing.push(() => bus.close());
    return { redis, bus, said };
  }

  test('is down, then up; the gap is told, subscriptions hold, the outage is logged once', async () => {
    const { redis, bus, said } = await start();
    const { topic, heard } = await listen(bus);
    let gaps = 0;
    bus.onGap(() => (gaps += 1));
    expect(bus.state()).toBe('up');

    await redis.stop();
    await vi.waitFor(() => expect(bus.state()).toBe('down'), 5000);
    for (let i = 0; i < 100; i += 1) bus.publish(topic, 'lost');
    const late = await listen(bus);
    const gone = await listen(bus);
    gone.off();

    await redis.restart();
    await vi.waitFor(() => expect(bus.state()).toBe('up'), 5000);
    expect(gaps).toBe(1);
    for (const name of [topic, late.topic, gone.topic]) bus.publish(name, 'found');
    await vi.waitFor(() => expect([heard, late.heard]).toEqual([['found'], ['found']]));
    expect(gone.heard).toEqual([]);
    await vi.waitFor(() =>
      expect(said).toEqual([
        'Redis is not reachable; followers poll until it is back',
        'Redis is reachable again',
      ]),
    );
  });

  test('a Redis that does not run at start-up is used once it does', async () => {
    const redis = await PrivateRedis.start();
    await redis.stop();
    const bus = await createRedisBus({ url: redis.url, logger: silentLogger });
    closing.push(
      () => redis.stop(),
      () => bus.close(),
    );
    expect(bus.state()).toBe('down');
    const { topic, heard } = await listen(bus);
    await redis.restart();
    await vi.waitFor(() => expect(bus.state()).toBe('up'), 5000);
    bus.publish(topic, 'x');
    await vi.waitFor(() => expect(heard).toEqual(['x']));
  });

  test('a Redis that hangs holds up neither subscribe nor publish', async () => {
    const { redis, bus } = await start();
    redis.freeze();
    const { topic, heard } = await listen(bus);
    for (let i = 0; i < 30_000; i += 1) bus.publish(topic, 'lost');
    await vi.waitFor(() => expect(bus.state()).toBe('down'), 5000);
    redis.thaw();
    await vi.waitFor(() => expect(bus.state()).toBe('up'), 10_000);
    bus.publish(topic, 'end');
    await vi.waitFor(() => expect(heard.at(-1)).toBe('end'), 5000);
    expect(heard.length).toBeLessThan(20_000);
  });
});
