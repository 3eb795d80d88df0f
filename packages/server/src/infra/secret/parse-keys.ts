export interface NamedKey {
  id: string;
  /** 32 bytes. */
  bytes: Buffer;
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;
const BASE64 = /^[A-Za-z0-9+/_-]{1,200}={0,2}$/;
const KEY_BYTES = 32;
const MOST_KEYS = 16;
/** Of 32 random bytes fewer than this many differ in about one of 10^13 keys. */
const FEWEST_DISTINCT = 18;
const LONGEST_PERIOD = 16;

/** What is wrong with a list of keys; never quotes a key. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
}

/**
 * Reads `id:base64key` entries, separated by commas or lines; the first is the current key.
 * In files a line may begin with `#`.
 * @throws KeyError for a key that is malformed, short, or no random 32 bytes, naming its id or place
 */
export function parseKeys(text: string): NamedKey[] {
  const entries = text
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '' && !entry.startsWith('#'));
  if (entries.length === 0) throw new KeyError('it holds no key');
  if (entries.length > MOST_KEYS) throw new KeyError(`it holds more than ${MOST_KEYS} keys`);
  const keys = entries.map(parseKey);
  for (const [index, { id, bytes }] of keys.entries()) {
    const others = keys.slice(0, index);
    if (others.some((other) => other.id === id)) throw new KeyError(`the id "${id}" is there twice`);
    const twin = others.find((other) => other.bytes.equals(bytes));
    if (twin !== undefined) throw new KeyError(`"${twin.id}" and "${id}" are the same key`);
  }
  return keys;
}

function parseKey(entry: string, index: number): NamedKey {
  const colon = entry.indexOf(':');
  const id = entry.slice(0, Math.max(0, colon));
  if (!ID.test(id)) throw new KeyError(`entry ${index + 1} does not begin with an id and a colon`);
  const encoded = entry.slice(colon + 1);
  const bytes = BASE64.test(encoded) ? Buffer.from(encoded, 'base64') : Buffer.alloc(0);
  if (bytes.length !== KEY_BYTES) {
    throw new KeyError(`"${id}" is not the base64 of ${KEY_BYTES} bytes`);
  }
  const weakness = findWeakness(bytes);
  if (weakness !== null) throw new KeyError(`"${id}" is weak: ${weakness}`);
  return { id, bytes };
}

/** Why these 32 bytes cannot have come from a random generator, or null. */
export function findWeakness(bytes: Buffer): string | null {
  if (bytes.every((byte) => byte === bytes[0])) return 'one byte repeated';
  for (let period = 2; period <= LONGEST_PERIOD; period += 1) {
    if (bytes.every((byte, at) => byte === bytes[at % period])) return 'a pattern repeated';
  }
  const step = (bytes[1]! - bytes[0]!) & 0xff;
  if (bytes.every((byte, at) => byte === ((bytes[0]! + at * step) & 0xff))) return 'a sequence';
  if (new Set(bytes).size < FEWEST_DISTINCT) return 'too few different bytes';
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) return 'readable text, not random bytes';
  return null;
}
