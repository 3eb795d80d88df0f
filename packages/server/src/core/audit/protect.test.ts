import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffOf } from './diff.ts';
import { fill, Protector } from './protect.ts';
import { openBytes, SEALED, sealText, valueKeyOf, type SubjectKey } from './seal.ts';
import { secretByName } from './secret.ts';

const digest = (secret: string) => `<${secret.length}>`;
const protector = (more: Partial<ConstructorParameters<typeof Protector>[0]> = {}) =>
  new Protector({ digest, person: 'user:1', aboutPerson: false, ...more });
const inClear = (value: unknown, name = 'details') => fill(protector().protect(value, name), new Map());
const keysFor = (own: Protector): Map<string, SubjectKey> =>
  new Map([...own.subjects].map((subject) => [subject, { id: randomUUID(), key: randomBytes(32) }]));

describe('secrets', () => {
  it.each([
    ...[
      'password',
      'PASSWORD',
      'new_password',
      'newPassword',
      'passphrase',
      'secret',
      'client_secret',
      'token',
    ],
    ...[
      'refreshToken',
      'access-token',
      'key',
      'code',
      'api_key',
      'apiKey',
      'X-API-Key',
      'private_key',
      'backup_codes',
    ],
    ...['authorization', 'cookie', 'credentials', 'pin', 'otp'],
  ])('are known by the name %s', (name) => {
    expect(inClear({ [name]: 'hunter2' })).toEqual({ [name]: '<7>' });
    expect(inClear({ [name]: ['hunter2', 'x'] })).toEqual({ [name]: ['<7>', '<1>'] });
  });

  it.each([
    'name',
    'key_id',
    'key_prefix',
    'public_key',
    'token_type',
    'status_code',
    'monkey',
    'encoded',
    'secretary',
  ])('are not known by the name %s', (name) => {
    expect(secretByName(name)).toBeNull();
    expect(inClear({ [name]: 'text' })).toEqual({ [name]: 'text' });
  });

  it('are numbers too where the whole name says so, and nothing that is counted', () => {
    expect(
      inClear({ code: 123456, pin: 1, max_tokens: 9, input_tokens: 3, key: null, secret: true }),
    ).toEqual({
      code: '<6>',
      pin: '<1>',
      max_tokens: 9,
      input_tokens: 3,
      key: null,
      secret: true,
    });
  });

  it('are found below a field that holds them', () => {
    expect(inClear({ secret: { a: 'one', list: [1, { b: 'four' }] } })).toEqual({
      secret: { a: '<3>', list: ['<1>', { b: '<4>' }] },
    });
  });

  it.each([
    ['an API key', `hf_${'a'.repeat(43)}`],
    ['a key of another service', 'sk-proj-abcdefghijklmnop1234'],
    ['a JWT', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.${'x'.repeat(43)}`],
    ['a bearer token', 'Bearer abc.def-ghi_12345'],
    ['a URL with a password', 'postgres://root:hunter2@'],
    ['a private key', `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(100)}\n-----END PRIVATE KEY-----`],
  ])('are known by their form: %s', (_name, secret) => {
    expect(inClear({ note: `use ${secret} here` })).toEqual({ note: `use <${secret.length}> here` });
  });

  it('show as changed, not as what they are', () => {
    const diff = diffOf({ password: 'one', n: 1 }, { password: 'two2', n: 1 }, protector());
    expect(diff).toEqual([{ path: '/password', before: '<3>', after: '<4>' }]);
    expect(diffOf({ token: { a: 1, b: 2 } }, { token: { a: 1, b: 33 } }, protector())).toEqual([
      { path: '/token/b', before: '<1>', after: '<2>' },
    ]);
  });

  it('are withheld where nothing digests them', () => {
    const own = protector({ digest: undefined });
    expect(own.protect({ password: 'one', empty: '', secret: '' }, 'x')).toEqual({
      password: 'withheld',
      empty: '',
      secret: '',
    });
  });

  it('are looked for in linear time', () => {
    for (const hostile of [
      'eyJ-'.repeat(2000),
      'a@'.repeat(4000),
      'sk-'.repeat(2500),
      '-----BEGIN '.repeat(700),
      'a.'.repeat(4000),
    ]) {
      const started = performance.now();
      inClear({ note: hostile.slice(0, 8000) });
      expect(performance.now() - started).toBeLessThan(500);
    }
  });
});

describe('personal data', () => {
  it('is sealed with the key of the one it names', () => {
    const own = protector();
    const drafted = own.protect(
      { email: 'Ann@Example.com', note: 'ask bob@example.com, eve@example.com!' },
      'details',
    );
    expect([...own.subjects]).toEqual([
      'email:ann@example.com',
      'email:bob@example.com',
      'email:eve@example.com',
    ]);
    const filled = fill(drafted, keysFor(own)) as { email: string; note: string };
    expect(filled.email).toMatch(/^sealed:/);
    expect(filled.note).toMatch(/^ask sealed:\S+, sealed:\S+!$/);
  });

  it('is of the person that the entry is about', () => {
    const own = protector({ aboutPerson: true });
    own.protect(
      { email: 'ann@example.com', name: 'Ann', note: 'also bob@example.com', role: 'admin' },
      'details',
    );
    expect([...own.subjects]).toEqual(['user:1']);
  });

  it('opens with the key of the value, and with no other', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 200 }),
        fc.string({ maxLength: 20 }),
        (text, other) => {
          const subject = { id: randomUUID(), key: randomBytes(32) };
          const sealed = sealText(subject, text);
          const [[, id, bytes] = []] = [...sealed.matchAll(SEALED)];
          expect(id).toBe(subject.id);
          expect(openBytes(valueKeyOf(subject, bytes!), bytes!)).toBe(text);
          expect(openBytes(randomBytes(32), bytes!)).toBeNull();
          expect(sealText(subject, text)).toBe(sealed);
          if (other !== text) expect(sealText(subject, other)).not.toBe(sealed);
          const [[, , otherBytes] = []] = [...sealText(subject, `${text}!`).matchAll(SEALED)];
          expect(openBytes(valueKeyOf(subject, bytes!), otherBytes!)).toBeNull();
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(['', 'AAAA', 'A'.repeat(38), '!!'])('opens nothing of %j', (bytes) => {
    expect(openBytes(randomBytes(32), bytes)).toBeNull();
    expect(openBytes(randomBytes(5), bytes)).toBeNull();
  });
});

describe('texts', () => {
  it('are stored as a database and a canonical form can take them', () => {
    expect(inClear({ 'a\0': 'b\0c\ud800' })).toEqual({ 'a\ufffd': 'b\ufffdc\ufffd' });
    expect(diffOf({}, { 'x\0': { 'y\ud800': 1 } }, protector())).toEqual([
      { path: '/x\ufffd', after: { 'y\ufffd': 1 } },
    ]);
  });

  it('are cut when they are long, and told by their hash', () => {
    const { note } = inClear({ note: 'é'.repeat(9000) }) as { note: string };
    expect(note).toMatch(/^é{1000}… \(9000 characters, sha256 [0-9a-f]{64}\)$/);
  });

  it('as names of fields do no harm', () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": 2}}') as object;
    expect(diffOf({}, hostile, protector())).toEqual([
      { path: '/__proto__', after: { polluted: 1 } },
      { path: '/constructor', after: { prototype: 2 } },
    ]);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
