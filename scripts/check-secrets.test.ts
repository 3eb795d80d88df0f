import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { checkSecrets, findSecrets, listTracked } from './check-secrets.ts';
import { writeTree } from './fixture-tree.ts';

const random = (bytes: number): string => randomBytes(bytes).toString('base64url');
const whatOf = (text: string): string[] => findSecrets(text).map(({ what }) => what);

describe('BF-5.4.a no secret is in the repository', () => {
  test('nothing under version control looks like one', { timeout: 60_000 }, () => {
    const files = listTracked(process.cwd());
    expect(files.length).toBeGreaterThan(300);
    expect(files).toContain('packages/server/src/main.ts');
    expect(
      files.filter((file) => /(^|\/)\.env$|\.pem$|\.key$|secrets\.key|(^|\/)\.holdfast\//.test(file)),
    ).toEqual([]);
    expect(checkSecrets(process.cwd())).toEqual([]);
  });
});

describe('what looks like a secret', () => {
  test.each([
    ['a private key', `-----BEGIN ${'EC '}PRIVATE KEY-----`],
    ['an API key of Holdfast', `hf_${random(32)}`],
    ['a token of Holdfast', `hfr_${random(32)}`],
    ['a key of a model provider', `sk-proj-${random(30)}`],
    ['an AWS key', `AKIA${'Q3'.repeat(8)}`],
    ['a GitHub token', `ghp_${'a1B2'.repeat(9)}`],
    ['a GitLab token', `glpat-${'a1B2'.repeat(5)}`],
    ['a Slack token', `xoxb-${'1'.repeat(12)}-${'a'.repeat(24)}`],
    ['a Google key', `AIza${'a'.repeat(35)}`],
    ['a Stripe key', `sk_live_${'a'.repeat(24)}`],
    ['an npm token', `npm_${'a'.repeat(36)}`],
    ['a webhook secret', `whsec_${randomBytes(24).toString('hex')}`],
    ['a JSON Web Token', ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxMjM0In0', 'c'.repeat(43)].join('.')],
    ['a password in a URL', `postgres://app:${random(12)}@db.example/x`],
    ['a random text in the place of a secret', `const apiKey = '${random(30)}';`],
    ['a random text in the place of a secret', `JWT_SECRET: "${random(32)}"`],
  ])('%s', (what, text) => {
    expect(whatOf(`before ${text} after`)).toContain(what);
    expect(findSecrets(`first\n${text}`)[0]).toMatchObject({ line: 2 });
  });

  test.each([
    'const token = `hf_${random}`;',
    "password: 'correct horse battery staple'",
    "const SECRET = 'test-secret-test-secret-test-secret-1234';",
    "apiKey: 'not-a-real-key-for-tests'",
    'postgres://postgres@127.0.0.1:5432/test',
    'postgres://user:pw@db/x',
    'export const tokenPattern = /^hf_[A-Za-z0-9_-]{43}$/;',
    "import { secret } from './features/secret/index.ts';",
    'hf_...',
  ])('%s is none', (text) => {
    expect(whatOf(text)).toEqual([]);
  });

  test('a finding names file and line, and does not repeat the secret', () => {
    const secret = `hf_${random(32)}`;
    const root = writeTree({ 'docs/a.md': `one\nkey ${secret}\n` });
    const [problem] = checkSecrets(root, ['docs/a.md', 'docs/gone.md']);
    expect(problem).toMatchObject({ rule: 'no-secrets', file: 'docs/a.md:2' });
    expect(JSON.stringify(problem)).not.toContain(secret);
  });
});
