import { expect, it } from 'vitest';
import { DomainError } from '../../core/errors.ts';
import { checkTextUpload, checkUploadName } from './upload.ts';

function codeOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    return (error as DomainError).code;
  }
}

it.each([
  ['a PDF', '%PDF-1.7\n%âãÏÓ'],
  ['a PDF all in ASCII', '%PDF-1.4\n1 0 obj'],
  ['a Word document', 'PK\x03\x04\x14\0\x06\0'],
  ['a PNG', '\x89PNG\r\n\x1a\n'],
  ['a JPEG', '\xff\xd8\xff\xe0'],
  ['a GIF', 'GIF89a'],
  ['RTF', '{\\rtf1\\ansi'],
  ['gzip', '\x1f\x8b\x08'],
  ['a Linux program', '\x7fELF\x02\x01'],
  ['a Windows program', 'MZ\x90\0\x03'],
  ['UTF-16', '\xff\xfeh\0i\0'],
])('BF-5.1.d refuses %s that is declared as text', (_name, begin) => {
  expect(codeOf(() => checkTextUpload(Buffer.from(begin, 'latin1')))).toBe('UNSUPPORTED_MEDIA_TYPE');
});

it.each([
  '',
  '#',
  '# Title\n',
  'MZ is the country code of Mozambique',
  '\ufeffwith a mark',
  '<script>alert(1)</script>',
])('takes the text %j', (text) => {
  expect(codeOf(() => checkTextUpload(Buffer.from(text)))).toBeNull();
});

it.each([
  '../secret.md',
  'a/../../b.md',
  './a.md',
  '/etc/passwd',
  'a//b.md',
  'a/',
  '..',
  '..\\..\\windows\\win.ini',
  'C:\\boot.ini',
  'c:evil.txt',
  'a.md:stream',
  'nul',
  'CON.md',
  'docs/aux.txt',
  'Lpt1',
  'a\nb.md',
  'a\u202egnp.md',
  'a\0b',
  'name.',
  'folder /a.md',
  'what?.md',
  'a|b',
  'x'.repeat(256),
])('BF-5.1.d refuses the name %j', (name) => {
  expect(codeOf(() => checkUploadName(name))).toBe('VALIDATION_ERROR');
});

it.each([
  'a.md',
  'guides/install.md',
  'résumé (2).txt',
  '日本語.md',
  '.env.md',
  'console.md',
  'a..b',
  "it's.txt",
])('takes the name %j', (name) => {
  expect(codeOf(() => checkUploadName(name))).toBeNull();
});
