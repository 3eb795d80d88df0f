import { verdictOf, type Gate, type Row } from './row.ts';

const HEADINGS = [
  'metric',
  'engine',
  'ours',
  'p50 / p95 ms',
  'beside it, same run',
  'ratio',
  'gate (stretch)',
  '',
  'change',
];

/** Three significant digits, thousands separated. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3).replace(/\.?0+$/, '');
}

function formatGate({ at, limit, stretch, unit = 'x', measured }: Gate): string {
  const sign = at === 'least' ? '>=' : '<=';
  const own = unit === 'x' ? '' : ` ${unit} [${formatNumber(measured)}]`;
  return `${sign} ${formatNumber(limit)}${own || 'x'}${stretch === undefined ? '' : ` (${formatNumber(stretch)})`}`;
}

function cellsOf(row: Row, change: string): string[] {
  const { baseline, p50, p95, ratio } = row;
  return [
    row.metric,
    row.engine,
    `${formatNumber(row.value)} ${row.unit}`,
    p50 === undefined ? '' : `${formatNumber(p50)} / ${formatNumber(p95 ?? Number.NaN)}`,
    baseline === undefined ? '' : `${baseline.name}: ${formatNumber(baseline.value)}`,
    ratio === undefined ? '' : `${formatNumber(ratio)}x`,
    (row.gates ?? []).map(formatGate).join(', '),
    verdictOf(row),
    change,
  ];
}

/** A Markdown table, its columns aligned. */
export function formatTable(rows: readonly Row[], changeOf: (row: Row) => string): string {
  const lines = [HEADINGS, ...rows.map((row) => cellsOf(row, changeOf(row)))];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
  const write = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [write(lines[0]!), rule, ...lines.slice(1).map(write)].join('\n');
}
