import { useSearchParams } from 'wouter';
import { Button } from '../../component/button.tsx';
import { Empty, ErrorNotice, Loading } from '../../component/notice.tsx';
import { usePageTitle } from '../../layout/page-title.ts';
import { explain } from '../../lib/explain.ts';
import { useNames } from '../use-names.ts';
import { EntryDialog } from './entry-dialog.tsx';
import { EntryList } from './entry-list.tsx';
import { ExportButtons } from './export-buttons.tsx';
import { ENTRY, readFilter, writeFilter, type AuditSearch } from './filter.ts';
import { FilterForm } from './filter-form.tsx';
import { useEntries } from './queries.ts';
import { VerifyBadge } from './verify-badge.tsx';

/** Who changed what, and proof that the record of it is whole. The address keeps the filter and the open entry. */
export default function AuditPage() {
  usePageTitle('Audit log');
  const [params, setParams] = useSearchParams();
  const filter = readFilter(params);
  const show = (next: AuditSearch): void => setParams(writeFilter(next));
  const open = (id: string | null): void => {
    const next = writeFilter(filter);
    if (id !== null) next.set(ENTRY, id);
    setParams(next);
  };
  const { nameOf } = useNames();
  return (
    <>
      <div className="flex flex-wrap items-center gap-3">
        <h2 className="mr-auto text-lg font-semibold">Audit log</h2>
        <ExportButtons filter={filter} />
      </div>
      <VerifyBadge key={filter.chain} chain={filter.chain} />
      <FilterForm filter={filter} onChange={show} />
      <Entries filter={filter} nameOf={nameOf} onOpen={open} />
      <EntryDialog
        id={params.get(ENTRY)}
        chain={filter.chain}
        nameOf={nameOf}
        onClose={() => open(null)}
        onNarrow={(narrow) => show({ chain: filter.chain, ...narrow })}
      />
    </>
  );
}

function Entries(props: {
  filter: AuditSearch;
  nameOf: (subject: string) => string;
  onOpen: (id: string) => void;
}) {
  const entries = useEntries(props.filter);
  const all = entries.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      {entries.isError && (
        <ErrorNotice error={explain(entries.error)} onRetry={() => void entries.refetch()} />
      )}
      {entries.isPending && <Loading />}
      {all.length > 0 && <EntryList entries={all} nameOf={props.nameOf} onOpen={props.onOpen} />}
      {entries.isSuccess && all.length === 0 && (
        <Empty title="No entry matches.">Change the search to see others.</Empty>
      )}
      {entries.hasNextPage && (
        <div>
          <Button disabled={entries.isFetchingNextPage} onClick={() => void entries.fetchNextPage()}>
            {entries.isFetchingNextPage ? 'Loading…' : 'Show older entries'}
          </Button>
        </div>
      )}
    </>
  );
}
