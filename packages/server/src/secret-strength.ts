const MIN_LENGTH = 32;
const MIN_BITS = 96;
/** Parts of secrets that people copy from examples. Long enough not to occur in random text. */
const KNOWN_PARTS = [
  'secret',
  'changeme',
  'change-me',
  'change_me',
  'changethis',
  'password',
  'passphrase',
  'example',
  'default',
  'placeholder',
  'insecure',
  'development',
  'holdfast',
  'your-',
  'your_',
  'qwerty',
  'asdfgh',
  'letmein',
  'keyboard',
];

/** Shannon's measure over the characters, times the length: an upper bound of what a guesser needs. */
function bitsOf(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= count * Math.log2(count / text.length);
  return bits;
}

/** Length of the shortest part that, repeated, gives the text. */
function periodOf(text: string): number {
  return (text + text).indexOf(text, 1);
}

/** Share of characters that follow, repeat or precede the one before: `abcdef`, `1111`, `4321`. */
function runShare(text: string): number {
  let steps = 0;
  for (let i = 1; i < text.length; i += 1) {
    if (Math.abs(text.charCodeAt(i) - text.charCodeAt(i - 1)) <= 1) steps += 1;
  }
  return steps / (text.length - 1);
}

/**
 * Why a secret could be guessed; null for one that looks random, as `openssl rand -base64 32` makes it.
 * The answer does not repeat the secret.
 */
export function weaknessOf(secret: string): string | null {
  if (secret.length < MIN_LENGTH) return `has fewer than ${MIN_LENGTH} characters`;
  const lower = secret.toLowerCase();
  if (KNOWN_PARTS.some((part) => lower.includes(part))) return 'contains a word that examples use';
  if (periodOf(secret) < secret.length) return 'repeats itself';
  if (runShare(secret) > 0.5) return 'is mostly a run of neighbouring characters';
  if (/\s/.test(secret.trim())) return 'looks like a sentence';
  return bitsOf(secret) < MIN_BITS ? 'has too few different characters' : null;
}
