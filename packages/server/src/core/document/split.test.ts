import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitDocument } from './split.ts';

const MARKDOWN = 'text/markdown';

test('headings name the passages below them, and line numbers hold', () => {
  const content = [
    'Intro.',
    '',
    '# Guide',
    '## Install',
    'Run it.',
    '',
    'Twice.',
    '## Use',
    '### Empty',
    '# End',
    'Bye.',
  ];
  expect(splitDocument(content.join('\n'), MARKDOWN)).toEqual([
    { heading: '', line: 1, text: 'Intro.' },
    { heading: 'Guide > Install', line: 5, text: 'Run it.\n\nTwice.' },
    { heading: 'Guide > Use > Empty', line: 9, text: 'Empty' },
    { heading: 'End', line: 11, text: 'Bye.' },
  ]);
});

test('a # inside a code fence, or in plain text, is no heading', () => {
  const content = '# Real\n```sh\n# comment\n```\nAfter.';
  expect(splitDocument(content, MARKDOWN)).toEqual([
    { heading: 'Real', line: 2, text: '```sh\n# comment\n```\nAfter.' },
  ]);
  expect(splitDocument(content, 'text/plain')).toEqual([{ heading: '', line: 1, text: content }]);
});

test('long text is cut at a blank line, and a long line after a sentence', () => {
  const paragraph = 'word '.repeat(120).trim();
  const chunks = splitDocument([paragraph, '', paragraph, '', paragraph].join('\n'), 'text/plain');
  expect(chunks.map(({ line }) => line)).toEqual([1, 3, 5]);
  const sentences = 'This is one sentence of it. '.repeat(100);
  const pieces = splitDocument(`x\n${sentences}`, 'text/plain');
  expect(pieces.slice(1, -1).every(({ text, line }) => line === 2 && text.endsWith('of it. '))).toBe(true);
  expect(pieces.length).toBeGreaterThan(2);
});

test('whatever the text, nothing is lost, passages stay small and lines are right', () => {
  const line = fc.oneof(
    fc.constantFrom('', '# One', '## Two', '```', '- item', '   '),
    fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replace(/[\r\n]/g, '')),
    fc.integer({ min: 1, max: 400 }).map((count) => 'abc 𝒳𝒳. '.repeat(count)),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), (lines) => {
      const content = lines.join('\n');
      const chunks = splitDocument(content, 'text/plain');
      for (const chunk of chunks) {
        expect(chunk.text.length).toBeLessThanOrEqual(1_200);
        expect(chunk.text.isWellFormed()).toBe(true);
        const [first = ''] = chunk.text.split('\n');
        expect(lines[chunk.line - 1]).toContain(first);
      }
      const letters = (text: string): string => text.replace(/\s/g, '');
      expect(letters(chunks.map(({ text }) => text).join(''))).toBe(letters(content));
    }),
    { numRuns: 200 },
  );
});
