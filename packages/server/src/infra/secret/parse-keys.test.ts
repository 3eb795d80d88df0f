import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseKeys } from './index.ts';

const key = (bytes = randomBytes(32)): string => bytes.toString('base64');

test('reads ids and keys, the first being the current one', () => {
  const [one, two] = [randomBytes(32), randomBytes(32)];
  const expected = [
    { id: '2026-01', bytes: one },
    { id: 'old.key', bytes: two },
  ];
  expect(parseKeys(`2026-01:${key(one)},old.key:${key(two)}`)).toEqual(expected);
  expect(parseKeys(`# now\n2026-01:${key(one)}\n\n  old.key:${two.toString('base64url')}  \n`)).toEqual(
    expected,
  );
});

test('random keys are never taken for weak', () => {
  for (let round = 0; round < 2000; round += 1) expect(parseKeys(`k:${key()}`)).toHaveLength(1);
});

describe('refuses, naming the key and never quoting it,', () => {
  const sequence = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
  const few = Buffer.from(Array.from({ length: 32 }, (_, at) => (at * at * 7) % 17));
  test.each([
    ['all zeros', Buffer.alloc(32), '"k" is weak: one byte repeated'],
    ['one byte repeated', Buffer.alloc(32, 0xa7), '"k" is weak: one byte repeated'],
    ['a short pattern', Buffer.alloc(32, randomBytes(3)), '"k" is weak: a pattern repeated'],
    ['16 bytes twice', Buffer.alloc(32, randomBytes(16)), '"k" is weak: a pattern repeated'],
    ['a sequence', sequence, '"k" is weak: a sequence'],
    ['few different bytes', few, '"k" is weak: too few different bytes'],
    ['a sentence', Buffer.from('Quick zephyrs blow, vexing Jim D'), '"k" is weak: readable text'],
    ['a short key', randomBytes(16), '"k" is not the base64 of 32 bytes'],
    ['a long key', randomBytes(33), '"k" is not the base64 of 32 bytes'],
    ['an empty key', Buffer.alloc(0), '"k" is not the base64 of 32 bytes'],
  ])('%s', (_name, bytes, message) => {
    expect(() => parseKeys(`good:${key()},k:${key(bytes)}`)).toThrow(message);
    const text = key(bytes);
    if (text !== '') expect(() => parseKeys(`k:${text}`)).not.toThrow(text);
  });

  test.each([
    ['nothing', '', 'holds no key'],
    ['only a comment', '# k', 'holds no key'],
    ['no id', key(), 'entry 1 does not begin with an id'],
    ['an id with a space', `a b:${key()}`, 'entry 1 does not begin with an id'],
    ['a second entry without id', `k:${key()},${key()}`, 'entry 2 does not begin with an id'],
    ['no base64', `k:${'*'.repeat(44)}`, '"k" is not the base64 of 32 bytes'],
    ['an id twice', `k:${key()},k:${key()}`, 'the id "k" is there twice'],
    ['too many', Array.from({ length: 17 }, (_, at) => `k${at}:${key()}`).join(), 'more than 16 keys'],
  ])('%s', (_name, text, message) => {
    expect(() => parseKeys(text)).toThrow(message);
  });

  test('one key under two ids', () => {
    const twice = key();
    expect(() => parseKeys(`a:${twice},b:${twice}`)).toThrow('"a" and "b" are the same key');
  });
});
