import { createHash, randomInt } from 'node:crypto';

/** Crockford's base 32: no letter that looks like a digit. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 16;
const GROUP = 4;
const COUNT = 10;

/** Ten codes of 80 random bits, written as `abcd-efgh-jkmn-pqrs`. */
export function makeBackupCodes(): string[] {
  return Array.from({ length: COUNT }, makeCode);
}

function makeCode(): string {
  const symbols = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]!).join('');
  return symbols.match(new RegExp(`.{${GROUP}}`, 'g'))!.join('-');
}

/** SHA-256, hex, of the code however it was typed. With 80 random bits a slow hash would add nothing. */
export function hashBackupCode(code: string): string {
  const symbols = code
    .toLowerCase()
    .replaceAll(/[^0-9a-z]/g, '')
    .replaceAll('o', '0')
    .replaceAll(/[il]/g, '1');
  return createHash('sha256').update(symbols).digest('hex');
}
