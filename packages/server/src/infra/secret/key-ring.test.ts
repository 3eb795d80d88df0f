import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { createKeyRing } from './index.ts';

const one = { id: 'one', bytes: randomBytes(32) };
const two = { id: 'two', bytes: randomBytes(32) };
const text = Buffer.from('something to hide');

test('wraps with the current key and unwraps with each', async () => {
  const old = createKeyRing([two], 'SECRETS_KEYS');
  const ring = createKeyRing([one, two], 'SECRETS_KEYS');
  expect(ring).toMatchObject({ currentId: 'one', ids: ['one', 'two'], source: 'SECRETS_KEYS' });
  const wrapped = [await ring.wrap(text, 'a'), await ring.wrap(text, 'a', 'two'), await old.wrap(text, 'a')];
  expect(wrapped.map(({ keyId }) => keyId)).toEqual(['one', 'two', 'two']);
  for (const each of wrapped) expect(await ring.unwrap(each, 'a')).toEqual(text);
});

test('the same bytes never look the same twice, nor like themselves', async () => {
  const ring = createKeyRing([one], 'x');
  const sealed = await Promise.all(Array.from({ length: 100 }, () => ring.wrap(text, 'a')));
  expect(new Set(sealed.map(({ sealed: bytes }) => bytes.toString('hex'))).size).toBe(100);
  expect(sealed.some(({ sealed: bytes }) => bytes.includes(text))).toBe(false);
});

test('refuses another context, another key, an unknown key and every changed bit', async () => {
  const ring = createKeyRing([one, two], 'SECRETS_KEYS');
  const { keyId, sealed } = await ring.wrap(text, 'tenant|secret|1');
  const failure = 'Nothing could be unwrapped with the key "one" of SECRETS_KEYS.';
  await expect(ring.unwrap({ keyId, sealed }, 'tenant|secret|2')).rejects.toThrow(failure);
  await expect(ring.unwrap({ keyId: 'two', sealed }, 'tenant|secret|1')).rejects.toThrow('"two"');
  await expect(ring.unwrap({ keyId: 'gone', sealed }, 'tenant|secret|1')).rejects.toThrow(
    'There is no key "gone" in SECRETS_KEYS.',
  );
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    await expect(ring.unwrap({ keyId, sealed: changed }, 'tenant|secret|1')).rejects.toThrow(failure);
  }
  for (const cut of [0, 1, 12, 27, 28, sealed.length - 1]) {
    const part = sealed.subarray(0, cut);
    await expect(ring.unwrap({ keyId, sealed: part }, 'tenant|secret|1')).rejects.toThrow(failure);
  }
});

test('shows nothing of its keys', () => {
  const ring = createKeyRing([one, two], 'x');
  const shown = inspect(ring, { depth: 10, showHidden: true }) + JSON.stringify(ring);
  for (const { bytes } of [one, two]) {
    expect(shown).not.toContain(bytes.toString('base64'));
    expect(shown).not.toContain(bytes.toString('hex'));
  }
});
