import type { Page } from '@holdfast/protocol';
import { useInfiniteQuery } from '@tanstack/react-query';

const LIMIT = 100;

export interface PageAsked {
  limit: number;
  cursor: string | undefined;
}

/** A list that is loaded page by page. @param fetchPage one page of it */
export function usePages<T>(
  key: readonly unknown[],
  fetchPage: (page: PageAsked, options: { signal: AbortSignal }) => Promise<Page<T>>,
  options: { enabled?: boolean } = {},
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => fetchPage({ limit: LIMIT, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    ...options,
  });
  return { query, items: query.data?.pages.flatMap((page) => page.items) ?? [] };
}
