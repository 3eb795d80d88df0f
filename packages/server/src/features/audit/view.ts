import type { AuditEntryDetail } from '@holdfast/protocol';
import { openBytes, SEALED, valueKeyOf, type StoredEntry, type SubjectKey } from '../../core/audit/index.ts';
import type { Queryable } from '../../core/ports.ts';
import { selectKeys } from './queries.ts';

/** Shown for what was erased. */
export const ERASED = '[erased]';

/** A sealed value opened: the value, and the key that opens it and no other. */
export interface Opening {
  value: string;
  /** base64url */
  key: string;
}

/** Opens sealed values with the keys of one tenant that still exist. */
export class Opener {
  readonly #keys: ReadonlyMap<string, SubjectKey>;

  private constructor(keys: readonly SubjectKey[]) {
    this.#keys = new Map(keys.map((key) => [key.id, key]));
  }

  /** For these entries of the tenant. */
  static async for(db: Queryable, tenantId: string, entries: readonly StoredEntry[]): Promise<Opener> {
    const ids = new Set<string>();
    for (const [, id] of JSON.stringify(entries).matchAll(SEALED)) ids.add(id!);
    return new Opener(await selectKeys(db, tenantId, [...ids]));
  }

  /** Opens every sealed value within a text. */
  text(text: string): string {
    return text.replace(
      SEALED,
      (_sealed, id: string, bytes: string) => this.#open(id, bytes)?.value ?? ERASED,
    );
  }

  /** The same within any JSON value. */
  value<T>(value: T): T;
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((item: unknown) => this.value(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.value(inner)]));
  }

  /** By what each sealed value of an entry looks like. */
  openings(entry: StoredEntry): Record<string, Opening> {
    const found: Record<string, Opening> = {};
    for (const [sealed, id, bytes] of JSON.stringify(entry).matchAll(SEALED)) {
      const opening = this.#open(id!, bytes!);
      if (opening !== null) found[sealed] = opening;
    }
    return found;
  }

  #open(id: string, bytes: string): Opening | null {
    const subject = this.#keys.get(id);
    if (subject === undefined) return null;
    const key = valueKeyOf(subject, bytes);
    const value = openBytes(key, bytes);
    return value === null ? null : { value, key: key.toString('base64url') };
  }
}

/** An entry as its readers see it. */
export function toView(entry: StoredEntry, opener: Opener): AuditEntryDetail {
  const { tenant_id: _, targets, context, diff, ...rest } = entry;
  return {
    ...rest,
    targets: opener.value(targets),
    context: opener.value(context),
    diff: opener.value(diff),
  };
}
