import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Notary, SignedHead } from '../../core/ports.ts';
import { createNotary, loadSigningKey, readPrivateKey, readPublicKey } from './index.ts';

const SECRET = 'a secret that is long enough to be one';
const HEAD = {
  kind: 'head',
  tenant_id: '0195a7f0-0000-7000-8000-000000000001',
  seq: 3,
  hash: 'a'.repeat(64),
} as const;
const newKey = () => generateKeyPairSync('ed25519').privateKey;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-notary-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (more: Partial<Parameters<typeof createNotary>[0]> = {}): Notary =>
  createNotary({
    secret: SECRET,
    signingKey: newKey(),
    headsFile: join(folder, 'sub', 'heads.jsonl'),
    ...more,
  });
async function linesOf(notary: Notary): Promise<unknown[]> {
  const lines: unknown[] = [];
  for await (const line of notary.read()) lines.push(line);
  return lines;
}

describe('a signature', () => {
  it('covers every field', () => {
    const notary = open();
    const signed = notary.sign(HEAD, 0);
    expect(signed).toMatchObject({ ...HEAD, time: '1970-01-01T00:00:00.000Z', key_id: notary.key.key_id });
    expect(notary.check(signed)).toBe('valid');
    const changed: Partial<SignedHead>[] = [
      { seq: 4 },
      { kind: 'checkpoint' },
      { hash: 'b'.repeat(64) },
      { time: '1970-01-01T00:00:00.001Z' },
      { after_seq: 1 },
      { signature: `${signed.signature.slice(0, -4)}AAAA` },
      { signature: '' },
    ];
    for (const change of changed) expect(notary.check({ ...signed, ...change })).toBe('invalid');
  });

  it('of another key is told from a wrong one', () => {
    const old = newKey();
    const signed = open({ signingKey: old }).sign(HEAD, 0);
    expect(open().check(signed)).toBe('unknown_key');
    const now = open({ previousKeys: [createPublicKey(old)] });
    expect(now.check(signed)).toBe('valid');
    expect(now.previous).toHaveLength(1);
  });
});

describe('a digest', () => {
  it('is of the installation, the tenant and the secret', () => {
    const [one, same, other] = [open(), open(), open({ secret: `${SECRET}!` })];
    expect(one.digest('t1', 's')).toMatch(/^hmac-sha256:[\w-]{22}$/);
    expect(same.digest('t1', 's')).toBe(one.digest('t1', 's'));
    const others = [other.digest('t1', 's'), one.digest('t2', 's'), one.digest('t1', 'S')];
    for (const digest of others) expect(digest).not.toBe(one.digest('t1', 's'));
  });
});

describe('the file of heads', () => {
  const path = () => join(folder, 'sub', 'heads.jsonl');

  it('keeps what was appended, in order, for its owner only', async () => {
    const notary = open();
    expect(await linesOf(notary)).toEqual([]);
    const heads = [1, 2, 3, 4].map((seq) => notary.sign({ ...HEAD, seq }, 0));
    await Promise.all([notary.append(heads.slice(0, 2)), notary.append([]), notary.append(heads.slice(2))]);
    expect(await linesOf(notary)).toEqual(heads);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('loses no head to half a line before it', async () => {
    const notary = open();
    const head = notary.sign(HEAD, 0);
    await notary.append([head]);
    appendFileSync(path(), '{"kind":"he');
    await notary.append([head]);
    expect(await linesOf(notary)).toEqual([head, head]);
  });

  it('is written again after a failure', async () => {
    const notary = open();
    const head = notary.sign(HEAD, 0);
    writeFileSync(join(folder, 'sub'), 'in the way');
    await expect(notary.append([head])).rejects.toThrow();
    rmSync(join(folder, 'sub'));
    await notary.append([head]);
    expect(await linesOf(notary)).toEqual([head]);
  });
});

describe('the signing key', () => {
  const idOf = (key: Parameters<typeof createPublicKey>[0]) =>
    createPublicKey(key as never).export({ type: 'spki', format: 'pem' });

  it('of a folder is made once, for its owner only', () => {
    const first = loadSigningKey(join(folder, 'data'));
    expect(idOf(loadSigningKey(join(folder, 'data')) as never)).toBe(idOf(first as never));
    expect(statSync(join(folder, 'data', 'audit-signing-key.pem')).mode & 0o777).toBe(0o600);
  });

  it('is PEM, PEM in one line, or 32 bytes', () => {
    const key = newKey();
    const pem = key.export({ type: 'pkcs8', format: 'pem' }) as string;
    const seed = Buffer.from(key.export({ format: 'jwk' }).d!, 'base64url');
    for (const text of [
      pem,
      pem.replaceAll('\n', '\\n'),
      seed.toString('base64'),
      seed.toString('base64url'),
    ]) {
      expect(idOf(readPrivateKey(text) as never)).toBe(idOf(key as never));
    }
    const raw = createPublicKey(key).export({ format: 'jwk' }).x!;
    expect(readPublicKey(raw).export({ type: 'spki', format: 'pem' })).toBe(idOf(key as never));
  });

  it('is of the one kind', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    for (const text of ['', 'short', rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string]) {
      expect(() => readPrivateKey(text)).toThrow();
    }
    expect(() => readPublicKey(rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string)).toThrow();
  });

  it('that cannot be read is not replaced', () => {
    writeFileSync(join(folder, 'audit-signing-key.pem'), 'nonsense');
    expect(() => loadSigningKey(folder)).toThrow();
    expect(readFileSync(join(folder, 'audit-signing-key.pem'), 'utf8')).toBe('nonsense');
  });
});
