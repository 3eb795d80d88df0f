import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listFiles, reportProblems } from './source-tree.ts';
import type { Problem } from './source-tree.ts';

/** What credentials look like, wherever they stand. */
const PATTERNS: Readonly<Record<string, RegExp>> = {
  'a private key': /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/,
  'an API key of Holdfast': /\bhf_[A-Za-z0-9_-]{43}\b/,
  'a token of Holdfast': /\b(?:hfr|tfc)_[A-Za-z0-9_-]{43}\b|\bhf_(?:guest|invite)_[A-Za-z0-9_-]{43}\b/,
  'a key of a model provider': /\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,200}\b/,
  'an AWS key': /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  'a GitHub token': /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,100})\b/,
  'a GitLab token': /\bglpat-[A-Za-z0-9_-]{20}\b/,
  'a Slack token': /\bxox[abeoprs]-[A-Za-z0-9-]{20,100}/,
  'a Google key': /\bAIza[A-Za-z0-9_-]{35}\b/,
  'a Stripe key': /\b(?:sk|rk)_live_[A-Za-z0-9]{16,100}\b/,
  'an npm token': /\bnpm_[A-Za-z0-9]{36}\b/,
  'a webhook secret': /\bwhsec_[A-Za-z0-9+/=]{24,100}/,
  'a JSON Web Token': /\beyJ[A-Za-z0-9_-]{10,1000}\.eyJ[A-Za-z0-9_-]{10,1000}\.[A-Za-z0-9_-]{20,1000}/,
  'a password in a URL':
    /\b[a-z][a-z0-9+.-]{1,15}:\/\/[^\s/@:'"`<>${}]{1,60}:[^\s/@:'"`<>${}]{8,100}@[a-z0-9]/i,
};

/** A name that promises a secret, and a literal of some length after it. */
const ASSIGNED =
  /\b[\w-]{0,40}(?:passw(?:or)?d|secret|token|api_?key|private_?key|credential)s?["']?\s{0,3}[:=]\s{0,3}["'`]([^"'`\s]{20,300})["'`]/gi;
/** Bits of each character; words and paths have fewer than random text. */
const RANDOM_BITS = 4.2;

/** What looks like a secret and is none: file, what it looks like, and why it may stay. */
const ALLOWED: readonly (readonly [file: string, what: string, because: string])[] = [
  ['docs/guides/teams-and-mail.md', 'a password in a URL', 'the form of SMTP_URL'],
  ['packages/protocol/src/two-factor.ts', 'a token of Holdfast', 'an example of the API document'],
  ['packages/protocol/src/two-factor.ts', 'a random text in the place of a secret', 'the same example'],
  [
    'packages/sdk/src/credentials.test.ts',
    'a random text in the place of a secret',
    'signs requests to a test',
  ],
  [
    'packages/server/src/config.test.ts',
    'a random text in the place of a secret',
    'is strong enough for a test',
  ],
  ['packages/server/src/config-audit.test.ts', 'a private key', 'the beginning of one, to be refused'],
  ['packages/server/src/core/audit/protect.test.ts', 'a private key', 'one of nothing but A, to be redacted'],
];

const BINARY = /\.(?:png|jpe?g|gif|ico|woff2?|gz|zip|pdf)$/;
const LOCKFILE = 'package-lock.json';

/** Files under version control, and those that are about to be; of a copy without its history, the texts in it. */
export function listTracked(root: string): string[] {
  if (!existsSync(join(root, '.git')))
    return listFiles(root, ['ts', 'tsx', 'md', 'sql', 'json', 'sh', 'yml', 'example']);
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\0')
    .filter((file) => file !== '' && !BINARY.test(file) && file !== LOCKFILE);
}

/** What looks like a secret in a text, by line; never the whole of it. */
export function findSecrets(text: string): { line: number; what: string }[] {
  return text.split('\n').flatMap((line, index) => {
    const found = Object.entries(PATTERNS)
      .filter(([, pattern]) => pattern.test(line))
      .map(([what]) => what);
    for (const [, value = ''] of line.matchAll(ASSIGNED)) {
      if (looksRandom(value)) found.push('a random text in the place of a secret');
    }
    return found.map((what) => ({ line: index + 1, what }));
  });
}

/** Random text has many different characters, of several kinds, in no order. */
function looksRandom(text: string): boolean {
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(text)).length;
  return kinds === 3 && !/[${}]/.test(text) && bitsPerCharacter(text) > RANDOM_BITS;
}

function bitsPerCharacter(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  return [...counts.values()].reduce((bits, count) => {
    const share = count / text.length;
    return bits - share * Math.log2(share);
  }, 0);
}

/** No file under version control holds what looks like a secret. */
export function checkSecrets(root: string, files = listTracked(root)): Problem[] {
  return files.flatMap((file) =>
    findSecrets(readIfThere(join(root, file)))
      .filter(({ what }) => !ALLOWED.some((allowed) => allowed[0] === file && allowed[1] === what))
      .map(({ line, what }) => ({
        rule: 'no-secrets',
        file: `${file}:${line}`,
        detail: `looks like ${what}; make it at run time, or name it with its reason in scripts/check-secrets.ts`,
      })),
  );
}

/** One that was deleted is still listed until it is committed. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

if (import.meta.main) reportProblems('secrets', checkSecrets(process.cwd()));
