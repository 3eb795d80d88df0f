import { createHash } from 'node:crypto';
import { SEALED, sealText, type SubjectKey } from './seal.ts';
import { replaceSecrets, secretByName } from './secret.ts';

/** A longer text is kept as its beginning, its length and its hash. */
const MAX_TEXT = 8192;
const SHOWN_OF_LONG = 1000;

const PERSONAL_NAMES = new Set([
  ...['email', 'phone', 'address', 'ip', 'ip_address', 'user_agent', 'username'],
  ...['first_name', 'last_name', 'full_name', 'display_name'],
]);

const EMAIL = /[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/;
const PERSONAL = new RegExp(`${EMAIL.source}|${SEALED.source}`, 'g');

/** Text with the parts that are sealed once the keys of their subjects are known. */
class Template {
  readonly parts: readonly (string | { subject: string; text: string })[];

  constructor(parts: Template['parts']) {
    this.parts = parts;
  }

  fill(keys: ReadonlyMap<string, SubjectKey>): string {
    return this.parts
      .map((part) => (typeof part === 'string' ? part : sealText(keys.get(part.subject)!, part.text)))
      .join('');
  }
}

export interface ProtectOptions {
  /** Of a secret; a value is withheld altogether where there is no key to digest it with. */
  digest?: (secret: string) => string;
  /** Whose the personal data is unless it names somebody itself. */
  person: string;
  /** Whether `person` is what the entry is about: then names and e-mails are that person's too. */
  aboutPerson: boolean;
}

/** Makes values fit for the log: secrets digested, long texts cut, personal data marked for its subject's key. */
export class Protector {
  /** Whose keys `fill` needs. */
  readonly subjects = new Set<string>();
  readonly #options: ProtectOptions;

  constructor(options: ProtectOptions) {
    this.#options = options;
  }

  /** @param value JSON; the result goes to `fill` */
  protect(value: unknown, name: string, inSecret = false): unknown {
    const secret = inSecret || secretByName(name) === 'always';
    if (typeof value === 'string') {
      return secret || secretByName(name) !== null ? this.#digest(value) : this.#text(value, name);
    }
    if (typeof value === 'number') return secret ? this.#digest(String(value)) : value;
    if (Array.isArray(value)) return value.map((item) => this.protect(item, name, secret));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, inner]) => [
      cleanText(key),
      this.protect(inner, key, secret),
    ]);
    return Object.fromEntries(entries);
  }

  /** A text that is personal as a whole. */
  personal(text: string, subject = this.#options.person): unknown {
    this.subjects.add(subject);
    return new Template([{ subject, text: cleanText(text).slice(0, MAX_TEXT) }]);
  }

  #digest(secret: string): string {
    if (secret === '') return secret;
    return this.#options.digest?.(secret) ?? 'withheld';
  }

  #text(raw: string, name: string): unknown {
    const text = replaceSecrets(cut(cleanText(raw)), (secret) => this.#digest(secret));
    if (text === '') return text;
    const { aboutPerson } = this.#options;
    if (PERSONAL_NAMES.has(name) || (aboutPerson && name === 'name')) {
      return this.personal(text, aboutPerson ? undefined : ownSubject(text));
    }
    const parts: (string | { subject: string; text: string })[] = [];
    let end = 0;
    for (const match of text.matchAll(PERSONAL)) {
      const subject = this.#subjectOf(match[0]);
      this.subjects.add(subject);
      parts.push(text.slice(end, match.index), { subject, text: match[0] });
      end = match.index + match[0].length;
    }
    return parts.length === 0 ? text : new Template([...parts, text.slice(end)]);
  }

  /** Text that only looks sealed is sealed itself, so that whatever looks sealed in the log is. */
  #subjectOf(found: string): string {
    return this.#options.aboutPerson ? this.#options.person : (ownSubject(found) ?? this.#options.person);
  }
}

/** Puts sealed values where `protect` left their places. */
export function fill(value: unknown, keys: ReadonlyMap<string, SubjectKey>): unknown {
  if (value instanceof Template) return value.fill(keys);
  if (Array.isArray(value)) return value.map((item) => fill(item, keys));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner, keys)]));
}

/** The subject of an e-mail address nobody is known for. */
function ownSubject(text: string): string | undefined {
  const address = EMAIL.exec(text)?.[0];
  return address === undefined ? undefined : `email:${address.toLowerCase()}`;
}

/** No column stores NUL, and no canonical form has half a character. */
export function cleanText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

function cut(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  const hash = createHash('sha256').update(text).digest('hex');
  return `${text.slice(0, SHOWN_OF_LONG)}… (${text.length} characters, sha256 ${hash})`.toWellFormed();
}
