import { summarise } from './format.ts';

const MAX = 160;
/** Long, or the same in every event of a run; the detail has them. */
const DULL = /(^|_)(id|index)$|^idempotency_key$/;
/** Fields whose value speaks for itself. */
const PLAIN = new Set([
  'role',
  'content',
  'text',
  'line',
  'tool',
  'model',
  'message',
  'reason',
  'status',
  'query',
]);

/** One line about the data of anything: what a reader looks for, without ids. */
export function describeData(data: unknown): string {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return summarise(data, MAX);
  const parts: string[] = [];
  let length = 0;
  for (const [name, value] of Object.entries(data)) {
    if (value === null || value === '' || DULL.test(name) || length > MAX) continue;
    const part = PLAIN.has(name) ? summarise(value, MAX) : `${name}=${summarise(value, MAX)}`;
    parts.push(part);
    length += part.length;
  }
  return parts.join(' · ');
}
