import { describe, expect, test } from 'vitest';
import { LogCursor } from './log-cursor.ts';

const SESSION = '0191e7a0-0000-7000-8000-000000000001';
const OTHER = '0191e7a0-0000-7000-8000-000000000002';

const event = (seq: number, over: Record<string, unknown> = {}) => ({
  seq,
  type: 'build.status',
  session_id: SESSION,
  actor: 'key:a',
  client_msg_id: 'c',
  created_at: '2026-01-01T00:00:00.000Z',
  data: { n: seq },
  ...over,
});
const text = (seq: number, over: Record<string, unknown> = {}) => JSON.stringify(event(seq, over));

describe('LogCursor', () => {
  test('takes each event once, in order', () => {
    const cursor = new LogCursor(SESSION, 3);
    expect(cursor.take(text(3), '3')).toEqual({ kind: 'duplicate' });
    expect(cursor.take(text(4), '4')).toEqual({ kind: 'event', event: event(4) });
    expect(cursor.take(text(4), '4')).toEqual({ kind: 'duplicate' });
    expect(cursor.take(text(5), '5')).toMatchObject({ kind: 'event' });
    expect(cursor.seq).toBe(5);
  });

  test.each<[string, string, string | null | undefined]>([
    ['a gap', text(2), '2'],
    ['half of a frame', text(1).slice(0, 30), '1'],
    ['something else', '42', null],
    ['the id of another event', text(1), '2'],
    ['an event without its id', text(1), null],
    ['another session', text(1, { session_id: OTHER }), '1'],
    ['an event without a type', text(1, { type: undefined }), '1'],
    [
      'a broadcast with an id',
      JSON.stringify({ ephemeral: true, type: 'a.b', session_id: SESSION, data: {} }),
      '1',
    ],
    [
      'a broadcast of another session',
      JSON.stringify({ ephemeral: true, type: 'a.b', session_id: OTHER }),
      null,
    ],
    ['a reason nobody knows', '{"control":"closed","reason":"boredom","last_seq":1}', null],
  ])('does not go on after %s', (_name, frame, id) => {
    const cursor = new LogCursor(SESSION, 0);
    expect(cursor.take(frame, id)).toMatchObject({ kind: 'broken' });
    expect(cursor.seq).toBe(0);
  });

  test('ids are not asked of a transport that has none', () => {
    expect(new LogCursor(SESSION, 0).take(text(1))).toMatchObject({ kind: 'event' });
  });

  test('a broadcast-only event moves nothing', () => {
    const cursor = new LogCursor(SESSION, 7);
    const broadcast = { ephemeral: true, type: 'a.b', session_id: SESSION, data: { x: 1 } };
    expect(cursor.take(JSON.stringify(broadcast), null)).toEqual({ kind: 'event', event: broadcast });
    expect(cursor.seq).toBe(7);
  });

  test('a control frame gives its reason', () => {
    const frame = { control: 'closed', reason: 'cursor_gone', last_seq: 1, min_seq: 5 };
    expect(new LogCursor(SESSION, 0).take(JSON.stringify(frame), null)).toEqual({
      kind: 'closed',
      reason: 'cursor_gone',
      details: { last_seq: 1, min_seq: 5 },
    });
  });
});
