import type { AuditEntryDetail } from '@holdfast/protocol';
import type { ReactNode } from 'react';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { Dialog } from '../../component/dialog.tsx';
import { JsonBlock } from '../../component/json-block.tsx';
import { ErrorNotice, Loading } from '../../component/notice.tsx';
import { explain } from '../../lib/explain.ts';
import { formatFull } from '../../lib/format.ts';
import { DiffView } from './diff-view.tsx';
import type { AuditSearch } from './filter.ts';
import { useEntry } from './queries.ts';

interface EntryDialogProps {
  id: string | null;
  chain: AuditSearch['chain'];
  nameOf: (subject: string) => string;
  onClose: () => void;
  /** Shows only what this matches. */
  onNarrow: (filter: AuditSearch) => void;
}

/** One entry with everything that is recorded about it. */
export function EntryDialog({ id, ...rest }: EntryDialogProps) {
  return (
    <Dialog wide open={id !== null} onClose={rest.onClose} title="Audit entry">
      {id !== null && <Entry key={id} id={id} {...rest} />}
    </Dialog>
  );
}

function Entry({ id, chain, nameOf, onNarrow }: Omit<EntryDialogProps, 'id'> & { id: string }) {
  const entry = useEntry(id, chain);
  if (entry.isError) return <ErrorNotice error={explain(entry.error)} onRetry={() => void entry.refetch()} />;
  if (entry.data === undefined) return <Loading />;
  const { actor, diff, context } = entry.data;
  return (
    <div className="grid min-w-0 gap-4">
      <Facts entry={entry.data} nameOf={nameOf} onNarrow={onNarrow} />
      <section aria-label="Before and after" className="grid gap-2">
        <h3 className="font-medium">Changes</h3>
        {diff === null || diff.length === 0 ? (
          <p className="text-muted-foreground">Nothing was changed.</p>
        ) : (
          <DiffView changes={diff} />
        )}
      </section>
      {context.details !== undefined && <JsonBlock title="Details" value={context.details} />}
      <div>
        <Button size="small" onClick={() => onNarrow({ actor: actor.id })}>
          Only this actor
        </Button>
      </div>
    </div>
  );
}

function Facts({
  entry,
  nameOf,
  onNarrow,
}: { entry: AuditEntryDetail } & Pick<EntryDialogProps, 'nameOf' | 'onNarrow'>) {
  const { seq, action, outcome, occurred_at, actor, targets, context, hash, prev_hash } = entry;
  const tone = { success: 'success', denied: 'warning', failure: 'error' } as const;
  return (
    <dl className="grid grid-cols-[7rem_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm break-words">
      <Fact name="Entry">
        {seq} · <span className="font-mono text-xs">{action}</span>{' '}
        <Badge tone={tone[outcome]}>{outcome}</Badge>
      </Fact>
      <Fact name="When">{formatFull(occurred_at)}</Fact>
      <Fact name="Actor">
        {nameOf(actor.id)} <span className="font-mono text-xs text-muted-foreground">{actor.id}</span>
        {actor.on_behalf_of !== null && ` for ${nameOf(actor.on_behalf_of)}`}
      </Fact>
      <Fact name="Targets">
        {targets.map(({ type, id, name }) => (
          <span key={`${type} ${id}`} className="mr-3 inline-block">
            {type} {name}{' '}
            <button
              type="button"
              className="font-mono text-xs text-muted-foreground underline"
              onClick={() => onNarrow({ target_type: type, target_id: id })}
            >
              <span className="sr-only">
                Only entries about {type} {name}{' '}
              </span>
              {id}
            </button>
          </span>
        ))}
      </Fact>
      <Fact name="From">
        {[context.ip, context.user_agent].filter((part) => part !== null).join(' · ') || '—'}
      </Fact>
      {context.request_id !== null && (
        <Fact name="Request">
          <span className="font-mono text-xs">{context.request_id}</span>
        </Fact>
      )}
      <Fact name="Hash">
        <span className="font-mono text-xs break-all">{hash}</span>
      </Fact>
      <Fact name="Hash before">
        <span className="font-mono text-xs break-all">{prev_hash}</span>
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted-foreground">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}
