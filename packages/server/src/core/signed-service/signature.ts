import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { textToSign } from '@holdfast/protocol';
import { DomainError } from '../errors.ts';
import type { SignedRequest, SignedService } from './types.ts';

const SIGNATURE = /^[0-9a-f]{64}$/i;
const TIMESTAMP = /^\d{1,12}(\.\d{1,9})?$/;
const USER_ID = /^[\x21-\x7e]{1,200}$/;

export function refuse(message: string): never {
  throw new DomainError('UNAUTHORIZED', message);
}

/**
 * What can be refused before the body is read.
 * @returns the user and when the signature was made, milliseconds since 1970
 * @throws UNAUTHORIZED
 */
export function checkClaims(
  { skewMs, requiresSignedUser }: SignedService,
  { signature, timestamp, userId, headers }: SignedRequest,
  now: number,
): { externalId: string; signedAt: number } {
  if (!SIGNATURE.test(signature)) refuse('x-sheen-signature must be 64 hexadecimal digits.');
  if (!TIMESTAMP.test(timestamp)) refuse('x-sheen-timestamp must be seconds since 1970.');
  if (userId === undefined || !USER_ID.test(userId)) {
    refuse('x-user-id must name the user: 1 to 200 printable ASCII characters without spaces.');
  }
  if (requiresSignedUser && !headers.some(([name]) => name === 'x-user-id')) {
    refuse('The signature must cover x-user-id: list it in x-sheen-signed-headers.');
  }
  const missing = headers.find(([, value]) => value === undefined);
  if (missing !== undefined) refuse(`x-sheen-signed-headers names "${missing[0]}", which was not sent.`);
  const signedAt = Number(timestamp) * 1000;
  if (Math.abs(now - signedAt) > skewMs) {
    refuse(`x-sheen-timestamp is more than ${skewMs / 1000} s from the clock of the server.`);
  }
  return { externalId: userId!, signedAt };
}

/** Whether one of the service's secrets made this signature; compares in constant time. */
export function isSignedBy(
  { secrets }: SignedService,
  request: SignedRequest,
  body: Buffer | Uint8Array,
): boolean {
  const { timestamp, method, target } = request;
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const headers = request.headers.map(([name, value]) => [name, value ?? ''] as const);
  const text = textToSign({ timestamp, method, target, bodyHash, headers });
  const shown = Buffer.from(request.signature, 'hex');
  let signed = false;
  for (const secret of secrets) {
    const expected = createHmac('sha256', secret).update(text, 'latin1').digest();
    if (shown.length === expected.length && timingSafeEqual(shown, expected)) signed = true;
  }
  return signed;
}
