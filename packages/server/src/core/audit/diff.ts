import type { AuditChange } from '@holdfast/protocol';
import microdiff from 'microdiff';
import { cleanText, type Protector } from './protect.ts';

/** Changes with every other change; the entry has its own time. */
const IGNORED = new Set(['/updated_at', '/version']);

const escape = (key: string | number): string => String(key).replaceAll('~', '~0').replaceAll('/', '~1');

/**
 * Everything JSON cannot hold, such as dates, as JSON shows it. Without prototypes: a field called `constructor`
 * would otherwise count as there already, and its change stay out of the log.
 */
export function toJson(value: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value), withoutPrototype) as Record<string, unknown>;
}

function withoutPrototype(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.assign(Object.create(null) as object, value);
}

/**
 * What differs between two states, by path. Compared in the clear, so that a changed secret shows as a change;
 * protected afterwards.
 * @returns null when there is neither
 */
export function diffOf(
  before: object | undefined,
  after: object | undefined,
  protector: Protector,
): AuditChange[] | null {
  if (before === undefined && after === undefined) return null;
  const changes = microdiff(toJson(before ?? {}), toJson(after ?? {}), { cyclesFix: false });
  return changes.flatMap((change): AuditChange[] => {
    const path = change.path.map((key) => `/${escape(key)}`).join('');
    if (IGNORED.has(path)) return [];
    const shown = (value: unknown) => protectAt(change.path, value, protector);
    return [
      {
        path: cleanText(path),
        ...(change.type === 'CREATE' ? {} : { before: shown(change.oldValue) }),
        ...(change.type === 'REMOVE' ? {} : { after: shown(change.value) }),
      },
    ];
  });
}

/** A value counts as a secret also when a field above it does. */
function protectAt(path: readonly (string | number)[], value: unknown, protector: Protector): unknown {
  const names = path.filter((key) => typeof key === 'string').map(cleanText);
  const nested = names.reduceRight<unknown>(
    (inner, name, at) => (at === 0 ? inner : { [name]: inner }),
    value,
  );
  const result = protector.protect(nested, names[0] ?? '');
  return names.slice(1).reduce<unknown>((outer, name) => (outer as Record<string, unknown>)[name], result);
}
