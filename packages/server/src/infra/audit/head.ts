import { sign, verify, type KeyObject } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { SignedHead } from '../../core/ports.ts';

/** Signed before the statement itself, so that no signature of another use of the key passes for one of a head. */
const DOMAIN = 'holdfast audit head 1\n';

const bytesOf = (statement: Omit<SignedHead, 'signature'>): Buffer =>
  Buffer.from(DOMAIN + canonicalize(statement)!);

export function signHead(statement: Omit<SignedHead, 'signature'>, key: KeyObject): SignedHead {
  return { ...statement, signature: sign(null, bytesOf(statement), key).toString('base64url') };
}

/** @param keys public keys by their id */
export function checkHead(
  { signature, ...statement }: SignedHead,
  keys: ReadonlyMap<string, KeyObject>,
): 'valid' | 'invalid' | 'unknown_key' {
  const key = keys.get(statement.key_id);
  if (key === undefined) return 'unknown_key';
  const ok = verify(null, bytesOf(statement), key, Buffer.from(signature, 'base64url'));
  return ok ? 'valid' : 'invalid';
}
