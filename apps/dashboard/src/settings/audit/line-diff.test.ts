import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diffLines } from './line-diff.ts';

const show = (before: string[], after: string[]) =>
  diffLines(before, after).map(({ kind, text }) => `${{ same: ' ', removed: '-', added: '+' }[kind]}${text}`);

describe('the difference of two texts', () => {
  test('keeps what is the same, and names what came and went', () => {
    expect(show(['a', 'b', 'c'], ['a', 'x', 'c', 'd'])).toEqual([' a', '-b', '+x', ' c', '+d']);
    expect(show([], ['a'])).toEqual(['+a']);
    expect(show(['a'], [])).toEqual(['-a']);
  });

  test('gives both texts back', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffLines(before, after);
        const without = (kind: string) => lines.filter((line) => line.kind !== kind).map((line) => line.text);
        expect(without('added')).toEqual(before);
        expect(without('removed')).toEqual(after);
      }),
    );
  });

  test('of long texts is not looked for line by line', () => {
    const many = Array.from({ length: 2000 }, (_, index) => String(index));
    expect(diffLines(many, many)).toHaveLength(4000);
  });
});
