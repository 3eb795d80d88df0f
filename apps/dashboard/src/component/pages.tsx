import type { ReactNode } from 'react';
import { explain } from '../lib/explain.ts';
import { Button } from './button.tsx';
import { ErrorNotice, Loading } from './notice.tsx';

interface PagedQuery {
  isPending: boolean;
  isError: boolean;
  error: unknown;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
}

/** What a list that comes page by page needs around it; `children` is the list. */
export function Pages({ query, children }: { query: PagedQuery; children: ReactNode }) {
  return (
    <>
      {query.isError && <ErrorNotice error={explain(query.error)} onRetry={() => void query.refetch()} />}
      {query.isPending ? <Loading /> : children}
      {query.hasNextPage && (
        <Button
          size="small"
          className="justify-self-start"
          disabled={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Show more
        </Button>
      )}
    </>
  );
}
