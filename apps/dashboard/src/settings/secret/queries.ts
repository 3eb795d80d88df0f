import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useClient } from '../../auth/session.tsx';

const PAGE = 100;
const FRESH_MS = 10_000;

/** Of everything here; a change asks for all of it anew. */
export const SECRETS = ['secrets'];

export function useSecrets() {
  const client = useClient();
  return useInfiniteQuery({
    queryKey: [...SECRETS, 'list'],
    queryFn: ({ pageParam, signal }) => client.secrets.list({ limit: PAGE, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: FRESH_MS,
  });
}

/** Which are unused, and which expire soon. */
export function useSecretStatus() {
  const client = useClient();
  return useQuery({
    queryKey: [...SECRETS, 'status'],
    queryFn: ({ signal }) => client.secrets.status({ signal }),
    refetchInterval: FRESH_MS,
  });
}

/** With its versions. */
export function useSecret(id: string) {
  const client = useClient();
  return useQuery({
    queryKey: [...SECRETS, 'one', id],
    queryFn: ({ signal }) => client.secrets.get(id, { signal }),
    refetchInterval: ({ state }) => (state.status === 'error' ? false : FRESH_MS),
  });
}

/** Every use of its value, newest first. */
export function useAccesses(id: string) {
  const client = useClient();
  return useInfiniteQuery({
    queryKey: [...SECRETS, 'accesses', id],
    queryFn: ({ pageParam, signal }) =>
      client.secrets.accesses(id, { limit: 20, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) =>
      state.status === 'error' || (state.data?.pages.length ?? 0) > 1 ? false : FRESH_MS,
  });
}
