import { DomainError, invalid } from '../../core/errors.ts';

interface Signature {
  name: string;
  /** Latin-1 text that such files begin with. */
  begins: readonly string[];
}

/** What other files begin with that are sometimes passed off as text. */
const SIGNATURES: readonly Signature[] = [
  { name: 'a PDF', begins: ['%PDF-'] },
  { name: 'a ZIP or Office file', begins: ['PK\x03\x04', 'PK\x05\x06'] },
  { name: 'a PNG image', begins: ['\x89PNG\r\n'] },
  { name: 'a JPEG image', begins: ['\xff\xd8\xff'] },
  { name: 'a GIF image', begins: ['GIF87a', 'GIF89a'] },
  { name: 'an RTF document', begins: ['{\\rtf'] },
  { name: 'an old Office file', begins: ['\xd0\xcf\x11\xe0'] },
  { name: 'a compressed file', begins: ['\x1f\x8b', 'BZh', '7z\xbc\xaf\x27\x1c', 'Rar!\x1a', '\xfd7zXZ'] },
  { name: 'a program', begins: ['\x7fELF', 'MZ\x90', '\xca\xfe\xba\xbe', '\xcf\xfa\xed\xfe', '\0asm'] },
  { name: 'PostScript', begins: ['%!PS'] },
  { name: 'UTF-16 or UTF-32 text', begins: ['\xff\xfe', '\xfe\xff'] },
];
const LONGEST = 8;

/** Names that mean a device on Windows, with any extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
const MAX_PART_BYTES = 255;

/**
 * Refuses what is declared to be text and begins like another kind of file. That the rest is UTF-8 without
 * NUL is the domain's to check.
 * @throws UNSUPPORTED_MEDIA_TYPE
 */
export function checkTextUpload(bytes: Buffer): void {
  const head = bytes.subarray(0, LONGEST).toString('latin1');
  const found = SIGNATURES.find(({ begins }) => begins.some((start) => head.startsWith(start)));
  if (found === undefined) return;
  throw new DomainError('UNSUPPORTED_MEDIA_TYPE', `The body is ${found.name}, not text.`);
}

/**
 * Refuses names that would be a path out of their folder, or no file at all, on some system that they are
 * later written to. `guides/install.md` is a name: its folders are part of it.
 * @throws VALIDATION_ERROR naming `name`
 */
export function checkUploadName(name: string): void {
  if (/[\p{Cc}\p{Cf}\p{Cs}]/u.test(name)) throw refuseName('must not contain control characters');
  if (/[\\:*?"<>|]/.test(name)) throw refuseName('must not contain any of \\ : * ? " < > |');
  for (const part of name.split('/')) checkPart(part);
}

function checkPart(part: string): void {
  if (part === '' || part === '.' || part === '..')
    throw refuseName('must be relative, without empty, "." or ".." parts');
  if (/^\s|[\s.]$/.test(part))
    throw refuseName('must have no part that begins or ends with a space or ends with a dot');
  if (DEVICE.test(part)) throw refuseName(`must not be named like a device: ${part}`);
  if (Buffer.byteLength(part) > MAX_PART_BYTES)
    throw refuseName(`must have parts of at most ${MAX_PART_BYTES} bytes`);
}

function refuseName(rule: string): DomainError {
  return invalid('name', rule);
}
