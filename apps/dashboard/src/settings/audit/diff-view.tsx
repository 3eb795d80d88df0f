import type { AuditChange } from '@holdfast/protocol';
import { cn } from '../../lib/class-names.ts';
import { diffLines, type DiffLine } from './line-diff.ts';

const STYLE = {
  same: 'text-muted-foreground',
  removed: 'bg-destructive/10 text-destructive',
  added: 'bg-success/10 text-success',
} as const;
const SIGN = { same: ' ', removed: '−', added: '+' } as const;
const TAG = { same: 'span', removed: 'del', added: 'ins' } as const;

/** What an entry changed: each value by its path, before and after. */
export function DiffView({ changes }: { changes: readonly AuditChange[] }) {
  return (
    <ul aria-label="Changes" className="grid gap-3">
      {changes.map((change) => (
        <li key={change.path} className="overflow-hidden rounded-md border">
          <p className="border-b bg-muted px-3 py-1 font-mono text-xs font-medium break-all">
            {change.path === '' ? '(all)' : change.path}
          </p>
          <div
            role="region"
            tabIndex={0}
            aria-label={`Change of ${change.path}`}
            className="max-h-80 overflow-auto font-mono text-xs leading-relaxed"
          >
            {linesOf(change).map((line, index) => (
              <DiffRow key={index} line={line} />
            ))}
          </div>
        </li>
      ))}
    </ul>
  );
}

function DiffRow({ line: { kind, text } }: { line: DiffLine }) {
  const Tag = TAG[kind];
  return (
    <div className={cn('flex gap-2 px-3 py-px', STYLE[kind])}>
      <span aria-hidden="true" className="select-none">
        {SIGN[kind]}
      </span>
      <Tag className="min-w-0 flex-1 break-words whitespace-pre-wrap no-underline">
        {kind !== 'same' && <span className="sr-only">{kind}: </span>}
        {text}
      </Tag>
    </div>
  );
}

/** A value that is not there has no lines. */
function linesOf({ before, after }: AuditChange): DiffLine[] {
  return diffLines(textOf(before), textOf(after));
}

function textOf(value: unknown): string[] {
  if (value === undefined) return [];
  return (typeof value === 'string' ? value : JSON.stringify(value, null, 2)).split('\n');
}
