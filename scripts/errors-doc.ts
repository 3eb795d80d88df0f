import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_CODES } from '../packages/protocol/src/errors.ts';
import { ERROR_STATUS } from '../packages/server/src/surfaces/shared/error-status.ts';
import { reportProblems } from './source-tree.ts';
import type { Problem } from './source-tree.ts';

type Codes = Readonly<Record<string, string>>;
type Statuses = Readonly<Record<string, number>>;

const DOCUMENT = 'docs/errors.md';
const BEGIN = '<!-- errors:begin (node scripts/errors-doc.ts writes this table) -->';
const END = '<!-- errors:end -->';

/** The Markdown table of every code with its HTTP status and default message. */
export function renderTable(codes: Codes, statuses: Statuses): string {
  const rows = Object.entries(codes).map(([code, message]) => [
    `\`${code}\``,
    String(statuses[code] ?? 'none'),
    message,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(4, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], fill = ' '): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |`;
  return [
    line(['Code', 'HTTP', 'Default message']),
    line(['', '', ''], '-'),
    ...rows.map((row) => line(row)),
  ].join('\n');
}

function replaceTable(document: string, table: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${DOCUMENT} lacks its ${BEGIN} and ${END} marks`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${document.slice(end)}`;
}

/** Whether docs/errors.md under `root` shows exactly `codes`. */
export function checkErrorsDoc(
  root: string,
  codes: Codes = ERROR_CODES,
  statuses: Statuses = ERROR_STATUS,
): Problem[] {
  const path = join(root, DOCUMENT);
  const problem = (detail: string): Problem[] => [{ rule: 'errors-doc', file: DOCUMENT, detail }];
  if (!existsSync(path)) return problem('is missing');
  const document = readFileSync(path, 'utf8');
  if (replaceTable(document, renderTable(codes, statuses)) === document) return [];
  return problem('differs from ERROR_CODES of packages/protocol; `node scripts/errors-doc.ts` rewrites it');
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) {
    const document = readFileSync(DOCUMENT, 'utf8');
    writeFileSync(DOCUMENT, replaceTable(document, renderTable(ERROR_CODES, ERROR_STATUS)));
  }
  reportProblems('errors-doc', checkErrorsDoc(process.cwd()));
}
