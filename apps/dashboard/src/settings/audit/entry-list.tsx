import type { AuditEntryView } from '@holdfast/protocol';
import { Badge } from '../../component/badge.tsx';
import { formatAge, formatFull } from '../../lib/format.ts';
import { useNow } from '../../lib/use-now.ts';
import { useRowKeys } from './use-row-keys.ts';

interface EntryListProps {
  entries: readonly AuditEntryView[];
  nameOf: (subject: string) => string;
  onOpen: (id: string) => void;
}

/** One line each; rows out of sight cost no layout. */
export function EntryList({ entries, nameOf, onOpen }: EntryListProps) {
  const now = useNow(5_000);
  const list = useRowKeys();
  return (
    <ol ref={list} aria-label="Audit entries" className="divide-y rounded-lg border bg-card">
      {entries.map((entry) => (
        <li key={entry.id} className="[contain-intrinsic-size:auto_3.25rem] [content-visibility:auto]">
          <button
            type="button"
            data-seq={entry.seq}
            className="flex w-full flex-wrap items-baseline gap-x-3 gap-y-0.5 px-4 py-2 text-left -outline-offset-2 hover:bg-muted"
            onClick={() => onOpen(entry.id)}
          >
            <EntryRow entry={entry} nameOf={nameOf} now={now} />
          </button>
        </li>
      ))}
    </ol>
  );
}

function EntryRow({
  entry,
  nameOf,
  now,
}: {
  entry: AuditEntryView;
  nameOf: EntryListProps['nameOf'];
  now: number;
}) {
  const { seq, action, outcome, actor, targets, occurred_at } = entry;
  return (
    <>
      <span className="w-12 text-xs text-muted-foreground tabular-nums">{seq}</span>
      <span className="min-w-40 flex-1 font-mono text-xs font-medium">{action}</span>
      {outcome !== 'success' && <Badge tone={outcome === 'denied' ? 'warning' : 'error'}>{outcome}</Badge>}
      <time
        dateTime={occurred_at}
        title={formatFull(occurred_at)}
        className="text-xs text-muted-foreground tabular-nums"
      >
        {formatAge(occurred_at, now)}
      </time>
      <span className="w-full truncate pl-15 text-xs text-muted-foreground">
        {nameOf(actor.id)}
        {targets.length > 0 &&
          ` → ${targets.map(({ type, id, name }) => `${type} ${name ?? nameOf(id)}`).join(', ')}`}
      </span>
    </>
  );
}
