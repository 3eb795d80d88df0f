import type { AuditChain } from '@holdfast/protocol';
import { createClient } from '@holdfast/sdk';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useAuth, useClient } from '../../auth/session.tsx';
import type { AuditSearch } from './filter.ts';

const PAGE = 50;
const FRESH_MS = 5_000;
/** A long log takes a while to read. */
const VERIFY_MS = 15 * 60_000;
const ENTRIES = 'audit-entries';

/** Newest first, more as it is asked for. The first page is kept fresh as long as it is the only one. */
export function useEntries(filter: AuditSearch) {
  const client = useClient();
  return useInfiniteQuery({
    queryKey: [ENTRIES, filter],
    queryFn: ({ pageParam, signal }) =>
      client.audit.list({ ...filter, limit: PAGE, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) =>
      state.status === 'error' || (state.data?.pages.length ?? 0) > 1 ? false : FRESH_MS,
  });
}

/** An entry with what it changed; it never becomes another one. */
export function useEntry(id: string, chain: AuditChain | undefined) {
  const client = useClient();
  return useQuery({
    queryKey: ['audit-entry', id, chain],
    queryFn: ({ signal }) => client.audit.get(id, chain, { signal }),
    staleTime: Infinity,
  });
}

/** Has the server read the whole log and its signed heads. */
export function useVerify(chain: AuditChain | undefined) {
  const { keeper } = useAuth();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () =>
      createClient({ baseUrl: '', token: keeper.token, timeoutMs: VERIFY_MS }).audit.verify({ chain }),
    // The verification is an entry itself.
    onSettled: () => queries.invalidateQueries({ queryKey: [ENTRIES] }),
  });
}

/** Whether the caller runs the installation, whose own log there is, too. */
export function useIsOperator(): boolean {
  const client = useClient();
  const limits = useQuery({
    queryKey: ['limits'],
    queryFn: ({ signal }) => client.rateLimits.list({ signal }),
    staleTime: 60_000,
  });
  return limits.data?.is_operator ?? false;
}
