import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { ErrorNotice, Loading } from '../../component/notice.tsx';
import { explain } from '../../lib/explain.ts';
import { formatFull } from '../../lib/format.ts';
import { useAccesses } from './queries.ts';

/** Who used the value, for what, and when. */
export function AccessList({ secretId, nameOf }: { secretId: string; nameOf: (subject: string) => string }) {
  const accesses = useAccesses(secretId);
  const all = accesses.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section aria-labelledby="accesses-title" className="grid gap-2">
      <h3 id="accesses-title" className="font-medium">
        Access log
      </h3>
      {accesses.isError && <ErrorNotice error={explain(accesses.error)} />}
      {accesses.isPending && <Loading />}
      {accesses.isSuccess && all.length === 0 && <p className="text-muted-foreground">Never used.</p>}
      {all.length > 0 && (
        <ul aria-label="Accesses" className="divide-y rounded-lg border">
          {all.map(({ id, version, outcome, actor, purpose, run_id, accessed_at }) => (
            <li key={id} className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2 text-xs">
              <time dateTime={accessed_at} className="tabular-nums">
                {formatFull(accessed_at)}
              </time>
              <Badge tone={outcome === 'granted' ? 'success' : 'error'}>{outcome}</Badge>
              <span className="min-w-0 break-words">
                {nameOf(actor)}, {purpose}
                {version !== null && `, version ${version}`}
              </span>
              {run_id !== null && <span className="font-mono text-muted-foreground">run {run_id}</span>}
            </li>
          ))}
        </ul>
      )}
      {accesses.hasNextPage && (
        <div>
          <Button size="small" onClick={() => void accesses.fetchNextPage()}>
            Show older
          </Button>
        </div>
      )}
    </section>
  );
}
