import type { AuditEntryDetail } from '@holdfast/protocol';

const COLUMNS: readonly [string, (entry: AuditEntryDetail) => unknown][] = [
  ['seq', (entry) => entry.seq],
  ['id', (entry) => entry.id],
  ['occurred_at', (entry) => entry.occurred_at],
  ['actor', (entry) => entry.actor.id],
  ['on_behalf_of', (entry) => entry.actor.on_behalf_of],
  ['action', (entry) => entry.action],
  ['outcome', (entry) => entry.outcome],
  ['targets', (entry) => entry.targets.map(({ type, id }) => `${type}:${id}`).join(' ')],
  [
    'target_names',
    (entry) =>
      entry.targets
        .map(({ name }) => name ?? '')
        .join(' ')
        .trim(),
  ],
  ['ip', (entry) => entry.context.ip],
  ['user_agent', (entry) => entry.context.user_agent],
  ['request_id', (entry) => entry.context.request_id],
  ['details', (entry) => jsonOf(entry.context.details)],
  ['diff', (entry) => jsonOf(entry.diff)],
  ['hash', (entry) => entry.hash],
];

const jsonOf = (value: unknown): string =>
  value === undefined || value === null ? '' : JSON.stringify(value);

export const CSV_HEADER = `${COLUMNS.map(([name]) => name).join(',')}\r\n`;

/** One line (RFC 4180). */
export function csvLine(entry: AuditEntryDetail): string {
  return `${COLUMNS.map(([, valueOf]) => cell(valueOf(entry))).join(',')}\r\n`;
}

/** A spreadsheet runs what begins with one of these characters: an apostrophe in front makes it text. */
function cell(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'string' ? value : '';
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
