import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PageCursors } from './page-cursor.ts';

const SCOPE = ['tenant', '/api/v1/things', { project_id: 'p' }, [['status', 'active']]];
const cursors = new PageCursors('a secret of this installation');

it('gives back any position, and shows nothing of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (position) => {
      const cursor = cursors.seal(position, SCOPE);
      expect(cursor).toMatch(/^[\w-]+$/);
      expect(cursors.open(cursor, SCOPE)).toBe(position);
    }),
  );
  const id = '0197f3a2-5c1e-7b40-8d2a-3f6c9e1b7a54';
  expect(cursors.seal(id, SCOPE)).not.toContain(id);
});

it('is read by every server with the same secret, and by no other', () => {
  const cursor = cursors.seal('x', SCOPE);
  expect(new PageCursors('a secret of this installation').open(cursor, SCOPE)).toBe('x');
  expect(() => new PageCursors('another').open(cursor, SCOPE)).toThrow('is not one that this server gave');
});

it('refuses whatever was changed, cut or made up', () => {
  const cursor = cursors.seal('position', SCOPE);
  for (let at = 0; at < cursor.length; at += 1) {
    const other = cursor[at] === 'A' ? 'B' : 'A';
    const forged = cursor.slice(0, at) + other + cursor.slice(at + 1);
    // The last character may carry bits that no byte needs.
    if (Buffer.from(forged, 'base64url').equals(Buffer.from(cursor, 'base64url'))) continue;
    expect(() => cursors.open(forged, SCOPE)).toThrow('is not one that this server gave');
  }
  for (const bad of ['', 'A', cursor.slice(0, 32), cursor.slice(0, -4), `${cursor}AAAA`, 'x'.repeat(500)])
    expect(() => cursors.open(bad, SCOPE)).toThrow('is not one that this server gave');
});

it('belongs to one tenant, list and set of filters', () => {
  const cursor = cursors.seal('position', SCOPE);
  const [tenant, url, params] = SCOPE;
  const others = [
    ['other', url, params, [['status', 'active']]],
    [tenant, '/api/v1/others', params, [['status', 'active']]],
    [tenant, url, { project_id: 'q' }, [['status', 'active']]],
    [tenant, url, params, [['status', 'failed']]],
    [tenant, url, params, []],
  ];
  for (const scope of others) expect(() => cursors.open(cursor, scope)).toThrow('other filters');
});
