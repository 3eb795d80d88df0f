import { decodeQR } from 'qr/decode.js';
import { Secret } from 'otpauth';
import { describe, expect, it } from 'vitest';
import { SECRET } from '../../../test/identity-harness.ts';
import { createAuthenticators } from './index.ts';
import { Sealer } from './sealer.ts';

const STEP_MS = 30_000;
const authenticators = createAuthenticators({ secret: SECRET });
const RFC_SECRET = Secret.fromUTF8('12345678901234567890').base32;
const rfcSealed = new Sealer(SECRET, 'holdfast second factor 1').seal('ann', RFC_SECRET);
const rfcStep = (code: string, now: number) =>
  authenticators.findStep({ userId: 'ann', sealed: rfcSealed, code, now });

describe('authenticators', () => {
  /** RFC 6238, appendix B: the last six of its eight digits. */
  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('agrees with RFC 6238 at %i s', async (seconds, code) => {
    const step = Math.floor(seconds / 30);
    expect(await rfcStep(code, seconds * 1000)).toBe(step);
    expect(await rfcStep(code, seconds * 1000 + STEP_MS)).toBe(step);
    expect(await rfcStep(code, seconds * 1000 - STEP_MS)).toBe(step);
    expect(await rfcStep(code, seconds * 1000 + 2 * STEP_MS)).toBeNull();
    expect(await rfcStep(code, seconds * 1000 - 2 * STEP_MS)).toBeNull();
  });

  it('makes a secret that the URI and the QR code carry', async () => {
    const made = await authenticators.create('ann', 'ann+1@example.com');
    const uri = new URL(made.uri);
    expect(uri.protocol).toBe('otpauth:');
    expect(decodeURIComponent(uri.pathname)).toContain('Holdfast:ann+1@example.com');
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: 'Holdfast',
      secret: made.secret,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    });
    expect(Secret.fromBase32(made.secret).bytes.length).toBe(20);
    expect(decodeQR(pixelsOf(made.qrSvg))).toBe(made.uri);
    expect((await authenticators.create('ann', 'ann@example.com')).secret).not.toBe(made.secret);
  });

  it('stores the secret encrypted, for one user only', async () => {
    const { secret, sealed } = await authenticators.create('ann', 'ann@example.com');
    expect(sealed).toMatch(/^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
    expect(sealed).not.toContain(secret);
    expect(Buffer.from(sealed.split('.')[2]!, 'base64url').toString('latin1')).not.toContain(secret);
    const check = { sealed, code: '000000', now: 0 };
    await expect(authenticators.findStep({ ...check, userId: 'ann' })).resolves.toBeDefined();
    await expect(authenticators.findStep({ ...check, userId: 'bob' })).rejects.toThrow();
    const last = sealed.endsWith('A') ? 'Q' : 'A';
    const changed = { ...check, sealed: sealed.slice(0, -1) + last, userId: 'ann' };
    await expect(authenticators.findStep(changed)).rejects.toThrow();
  });

  it('opens what an earlier secret of the installation sealed, and moves it', async () => {
    const later = createAuthenticators({ secret: 'n'.repeat(40), previousSecret: SECRET });
    const alone = createAuthenticators({ secret: 'n'.repeat(40) });
    const check = { userId: 'ann', code: '287082', now: 59_000 };
    expect(await later.findStep({ ...check, sealed: rfcSealed })).toBe(1);
    await expect(alone.findStep({ ...check, sealed: rfcSealed })).rejects.toThrow(/JWT_SECRET_PREVIOUS/);
    expect(alone.reseal('ann', rfcSealed)).toBeNull();
    const moved = later.reseal('ann', rfcSealed)!;
    expect(moved.startsWith(later.sealedPrefix)).toBe(true);
    expect(await alone.findStep({ ...check, sealed: moved })).toBe(1);
  });
});

/** Draws the squares of our SVG: a path of `M<x> <y>h1v1...` moves, each one module. */
function pixelsOf(svg: string): { width: number; height: number; data: Uint8Array } {
  const scale = 4;
  const size = Number(/viewBox="0 0 (\d+) /.exec(svg)![1]) * scale;
  const data = new Uint8Array(size * size * 4).fill(255);
  let x = 0;
  let y = 0;
  for (const [, move, ...pair] of svg.matchAll(/([Mm])(-?\d+) ?(-?\d+)h1v1/g)) {
    const [dx = 0, dy = 0] = pair.map(Number);
    [x, y] = move === 'M' ? [dx, dy] : [x + dx, y + dy];
    paint(data, size, { x: x * scale, y: y * scale, scale });
  }
  return { width: size, height: size, data };
}

function paint(data: Uint8Array, width: number, at: { x: number; y: number; scale: number }): void {
  for (let row = at.y; row < at.y + at.scale; row += 1) {
    for (let column = at.x; column < at.x + at.scale; column += 1) {
      data.set([0, 0, 0], (row * width + column) * 4);
    }
  }
}
