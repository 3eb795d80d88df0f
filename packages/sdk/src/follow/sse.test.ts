import { expect, test } from 'vitest';
import { HeadWatch } from './head-watch.ts';
import { SseReader } from './sse.ts';
import type { Signal } from './resume.ts';

const STREAM = 'retry: 1500\n\nid: 1\ndata: {"a":"ü🚢"}\n\n: head=1\n\ndata: {"b":2}\n\n';
const SIGNALS: Signal[] = [
  { kind: 'retry', ms: 1500 },
  { kind: 'frame', text: '{"a":"ü🚢"}', id: '1' },
  { kind: 'head', head: 1 },
  { kind: 'frame', text: '{"b":2}', id: null },
];

test.each([1, 2, 3, 7, 1000])('reads the same from chunks of %i bytes', (size) => {
  const bytes = new TextEncoder().encode(STREAM);
  const reader = new SseReader();
  const found: Signal[] = [];
  for (let at = 0; at < bytes.length; at += size) found.push(...reader.feed(bytes.subarray(at, at + size)));
  expect(found).toEqual(SIGNALS);
});

test('half a frame is nothing', () => {
  expect(new SseReader().feed(new TextEncoder().encode('id: 1\ndata: {"a":1}\n'))).toEqual([]);
});

test.each<[string, Uint8Array]>([
  ['two frames that ran into each other', new TextEncoder().encode('id: 1\ndaid: 1\ndata: {}\n\n')],
  ['half a character', new Uint8Array([0xf0, 0x9f, 0x0a])],
  ['a frame without end', new TextEncoder().encode(`data: ${'x'.repeat(9 * 1024 * 1024)}`)],
])('%s are noticed', (_name, bytes) => {
  expect(new SseReader().feed(bytes)).toContainEqual({ kind: 'broken', why: expect.any(String) });
});

test('a head that nothing follows is a stuck connection, after some patience', () => {
  const watch = new HeadWatch();
  expect(watch.isStuck(5, 5, 0)).toBe(false);
  expect(watch.isStuck(7, 5, 1000)).toBe(false);
  expect(watch.isStuck(7, 5, 5999)).toBe(false);
  expect(watch.isStuck(7, 5, 6000)).toBe(true);
});

test('a connection that catches up is not stuck, however slowly', () => {
  const watch = new HeadWatch();
  for (let seq = 0; seq < 5; seq += 1) expect(watch.isStuck(9, seq, seq * 60_000)).toBe(false);
  expect(watch.isStuck(9, 9, 600_000)).toBe(false);
  expect(watch.isStuck(10, 9, 700_000)).toBe(false);
});
