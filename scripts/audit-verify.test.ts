import { execFile } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SignedHead } from '@holdfast/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_HASH, type StoredEntry } from '../packages/server/src/core/audit/entry.ts';
import { sealText, valueKeyOf } from '../packages/server/src/core/audit/index.ts';
import { signHead } from '../packages/server/src/infra/audit/head.ts';
import { keyIdOf } from '../packages/server/src/infra/audit/signing-key.ts';
import { rechain } from '../packages/server/test/audit-tamper.ts';
import { auditVerify } from './audit-verify.ts';

const TENANT = '0195a7f0-0000-7000-8000-000000000001';
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-audit-'));
  writeFileSync(join(folder, 'key.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(folder, 'other.pem'), stranger.publicKey.export({ type: 'spki', format: 'pem' }));
});
afterAll(() => rmSync(folder, { recursive: true }));

const draft = (n: number): StoredEntry => ({
  schema_version: 1,
  tenant_id: TENANT,
  seq: n,
  id: randomUUID(),
  occurred_at: '2030-01-01T00:00:00.000Z',
  actor: { type: 'user', id: 'user:ann', on_behalf_of: null },
  action: `thing.done_${n}`,
  outcome: 'success',
  targets: [],
  context: { ip: null, user_agent: null, request_id: null },
  diff: null,
  prev_hash: '',
  hash: '',
});
const chain = (count = 6): StoredEntry[] => rechain(Array.from({ length: count }, (_, n) => draft(n + 1)));

function head(
  entry: { seq: number; hash: string },
  more: Partial<SignedHead> = {},
  key = privateKey,
): SignedHead {
  const { seq, hash } = entry;
  const time = '2030-01-01T01:00:00.000Z';
  const key_id = keyIdOf(createPublicKey(key));
  return signHead({ kind: 'head', tenant_id: TENANT, seq, hash, time, key_id, ...more }, key);
}

let files = 0;
function write(lines: readonly unknown[]): string {
  const path = join(folder, `${(files += 1)}.jsonl`);
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');
  writeFileSync(path, `${text}\n`);
  return path;
}

interface Run {
  code: number;
  said: string;
  verdict: Record<string, unknown>;
}

function run(lines: readonly unknown[], heads?: readonly unknown[], ...more: string[]): Promise<Run> {
  const key = join(folder, 'key.pem');
  const outside = heads === undefined ? [] : ['--heads', write(heads), '--public-key', key];
  return call(write(lines), ...outside, ...more, '--json');
}

async function call(...args: string[]): Promise<Run> {
  const { code, text } = await auditVerify(args);
  return { code, said: text, verdict: text.startsWith('{') ? (JSON.parse(text) as Run['verdict']) : {} };
}

/** The command itself. */
function spawned(...args: string[]): Promise<number> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['scripts/audit-verify.ts', ...args], (error) =>
      resolve(error === null ? 0 : Number(error.code)),
    );
  });
}

const bad = (first_bad_seq: number, reason: string) => ({
  code: 1,
  verdict: { valid: false, first_bad_seq, reason },
});

describe('npm run audit:verify, without a server', () => {
  it('says that an untouched export is whole', async () => {
    const rows = chain();
    expect(await run([...rows, head(rows[5]!)], [head(rows[2]!), head(rows[5]!)])).toMatchObject({
      code: 0,
      verdict: {
        valid: true,
        entries: 6,
        last_seq: 6,
        first_bad_seq: null,
        heads_checked: 3,
        heads_skipped: 0,
      },
    });
    expect(await call(write(rows))).toMatchObject({
      code: 0,
      said: expect.stringContaining('without heads'),
    });
  });

  it('finds an edit', async () => {
    const rows = chain();
    const edited = rows.with(2, { ...rows[2]!, outcome: 'denied' });
    expect(await run(edited)).toMatchObject(bad(3, 'altered'));
  });

  it('finds an added field', async () => {
    const rows = chain();
    expect(await run(rows.with(2, { ...rows[2]!, note: 'x' } as never))).toMatchObject(bad(3, 'unreadable'));
    const actor = { ...rows[2]!.actor, name: 'Eve' };
    expect(await run(rows.with(2, { ...rows[2]!, actor }))).toMatchObject(bad(3, 'altered'));
  });

  it('finds a deletion', async () => {
    expect(await run(chain().toSpliced(2, 1))).toMatchObject(bad(3, 'missing'));
  });

  it('finds a deletion at the beginning', async () => {
    expect(await run(chain().slice(1))).toMatchObject(bad(1, 'missing'));
  });

  it('finds a changed order', async () => {
    const rows = chain();
    expect(await run(rows.with(2, rows[3]!).with(3, rows[2]!))).toMatchObject(bad(3, 'missing'));
    expect(await run([...rows, rows[2]!])).toMatchObject(bad(3, 'out_of_order'));
  });

  it('finds an insertion', async () => {
    const rows = chain();
    const [forged] = rechain([draft(9)], 3, rows[1]!.hash);
    expect(await run(rows.toSpliced(2, 0, forged!))).toMatchObject(bad(3, 'out_of_order'));
    const renumbered = rows.toSpliced(2, 0, forged!).map((row, index) => ({ ...row, seq: index + 1 }));
    expect(await run(renumbered)).toMatchObject(bad(3, 'inserted'));
  });

  it('finds a tail that is cut, by the heads alone', async () => {
    const rows = chain();
    expect(await run(rows.slice(0, 4))).toMatchObject({ code: 0 });
    expect(await run(rows.slice(0, 4), [head(rows[5]!)])).toMatchObject(bad(5, 'tail_cut'));
    expect(await run([...rows.slice(0, 4), head(rows[5]!)], [])).toMatchObject(bad(5, 'tail_cut'));
  });

  it('finds that everything was written anew, by the heads alone', async () => {
    const rows = chain();
    const forged = rechain(rows.map((row) => (row.seq === 4 ? { ...row, action: 'nothing' } : row)));
    expect(await run(forged)).toMatchObject({ code: 0 });
    expect(await run(forged, [head(rows[2]!), head(rows[5]!)])).toMatchObject(bad(4, 'rewritten'));
  });

  it('finds a head that was forged, also of another log', async () => {
    const rows = chain();
    expect(await run(rows, [{ ...head(rows[3]!), hash: rows[2]!.hash }])).toMatchObject(
      bad(4, 'forged_head'),
    );
    expect(await run([...rows, { ...head(rows[5]!), seq: 7 }], [])).toMatchObject(bad(7, 'forged_head'));
    const foreign = head(rows[5]!, { tenant_id: randomUUID() });
    expect(await run([...rows, foreign], [])).toMatchObject(bad(6, 'forged_head'));
    expect(await run(rows, [foreign])).toMatchObject({ code: 0, verdict: { heads_checked: 0 } });
  });

  it('counts heads whose key was not given', async () => {
    const rows = chain();
    const heads = [head(rows[5]!, {}, stranger.privateKey)];
    expect(await run(rows, heads)).toMatchObject({
      code: 0,
      verdict: { heads_checked: 0, heads_skipped: 1 },
    });
    const both = await run(rows, heads, '--public-key', join(folder, 'other.pem'));
    expect(both).toMatchObject({ code: 0, verdict: { heads_checked: 1, heads_skipped: 0 } });
  });

  it('BF-5.3.e begins at a signed checkpoint', async () => {
    const rows = chain();
    const kept = rows.slice(3);
    const checkpoint = head(rows[2]!, { kind: 'checkpoint' });
    expect(await run([checkpoint, ...kept], [head(rows[1]!), head(rows[5]!)])).toMatchObject({
      code: 0,
      verdict: { entries: 3, last_seq: 6, heads_checked: 1 },
    });
    expect(await run(kept, [])).toMatchObject(bad(1, 'missing'));
    expect(await run([{ ...checkpoint, seq: 2 }, ...rows.slice(2)], [])).toMatchObject(bad(2, 'forged_head'));
    expect(await run([checkpoint, ...rows.slice(4)], [])).toMatchObject(bad(4, 'missing'));
    expect(await run([rows[0]!, checkpoint, ...kept], [])).toMatchObject(bad(2, 'out_of_order'));
    expect(await run([checkpoint, ...kept])).toMatchObject({
      code: 2,
      said: expect.stringContaining('--public-key'),
    });
  });

  it('goes on after a resealed restore', async () => {
    const lost = chain();
    const rows = rechain([...lost.slice(0, 3), draft(4), draft(5)]);
    const heads = [head(lost[1]!), head(lost[5]!)];
    expect(await run(rows, heads)).toMatchObject(bad(6, 'tail_cut'));
    const reseal = head(rows[3]!, { kind: 'reseal', after_seq: 3, lost_seq: 6 });
    expect(await run(rows, [...heads, reseal])).toMatchObject({
      code: 0,
      verdict: { reseals: 1, heads_checked: 2 },
    });
  });

  it('finds a shown value that is not the sealed one', async () => {
    const subject = { id: randomUUID(), key: randomBytes(32) };
    const sealed = sealText(subject, '203.0.113.7');
    const rows = rechain([{ ...draft(1), context: { ip: sealed, user_agent: null, request_id: null } }]);
    const key = valueKeyOf(subject, sealed.split(':')[2]!).toString('base64url');
    const shown = (value: string, name = sealed) => ({ ...rows[0]!, personal: { [name]: { value, key } } });
    expect(await run([shown('203.0.113.7')])).toMatchObject({ code: 0 });
    expect(await run([shown('203.0.113.8')])).toMatchObject(bad(1, 'altered'));
    expect(await run([shown('203.0.113.7', sealText(subject, 'x'))])).toMatchObject(bad(1, 'altered'));
  });

  it('checks what a filtered export has', async () => {
    const rows = chain();
    const some = [rows[1]!, rows[2]!, rows[4]!];
    expect(await run(some)).toMatchObject(bad(1, 'missing'));
    expect(await run(some, [head(rows[5]!)], '--partial')).toMatchObject({
      code: 0,
      verdict: { entries: 3 },
    });
    const edited = some.with(2, { ...some[2]!, action: 'x' });
    expect(await run(edited, undefined, '--partial')).toMatchObject(bad(5, 'altered'));
  });

  it.each([
    ['what is not JSON', ['{']],
    ['what is no entry', ['{}']],
    [
      'an entry of another log',
      [chain(1)[0]!, { ...draft(2), tenant_id: randomUUID(), hash: NO_HASH, prev_hash: NO_HASH }],
    ],
  ])('finds %s', async (_name, lines) => {
    expect(await run(lines)).toMatchObject({ code: 1, verdict: { reason: 'unreadable' } });
  });

  it('ends with 2 when it cannot check', async () => {
    const rows = write(chain());
    const key = join(folder, 'key.pem');
    for (const args of [
      [],
      [rows, rows],
      [rows, '--nonsense'],
      [join(folder, 'missing.jsonl')],
      [write([''])],
      [rows, '--heads', rows],
      [rows, '--heads', join(folder, 'missing.jsonl'), '--public-key', key],
      [rows, '--public-key', rows],
    ]) {
      expect(await call(...args)).toMatchObject({ code: 2 });
    }
  });

  it('tells by its exit code', async () => {
    const rows = chain();
    const codes = [spawned(write(rows)), spawned(write(rows.slice(1))), spawned()];
    expect(await Promise.all(codes)).toEqual([0, 1, 2]);
  });
});
