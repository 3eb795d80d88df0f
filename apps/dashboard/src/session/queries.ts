import type { Project, Session } from '@holdfast/protocol';
import type { SessionFilter } from '@holdfast/sdk';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useClient } from '../auth/session.tsx';
import { needsAttention } from './status.tsx';

const PAGE = 100;
const FRESH_MS = 3_000;
/** Somebody who has scrolled through many pages would otherwise ask for all of them every few seconds. */
const MANY_PAGES_FRESH_MS = 15_000;
const MANY_PAGES = 4;

/** What the list can be narrowed to; `attention` is found among the active ones. */
export type StatusFilter = NonNullable<SessionFilter['status']> | 'attention';

/** Newest first, but those that need attention before all others. Asked for again every few seconds. */
export function useSessions(filter: { projectId?: string; status?: StatusFilter }) {
  const client = useClient();
  const { projectId, status } = filter;
  const query = useInfiniteQuery({
    queryKey: ['sessions', projectId, status],
    queryFn: ({ pageParam, signal }) =>
      client.sessions.list(
        {
          limit: PAGE,
          cursor: pageParam,
          project_id: projectId,
          status: status === 'attention' ? 'active' : status,
        },
        { signal },
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: ({ state }) =>
      (state.data?.pages.length ?? 0) > MANY_PAGES ? MANY_PAGES_FRESH_MS : FRESH_MS,
  });
  const all = query.data?.pages.flatMap((page) => page.items) ?? [];
  return { query, sessions: arrange(all, status === 'attention') };
}

function arrange(all: readonly Session[], only: boolean): Session[] {
  const urgent = all.filter(needsAttention);
  return only ? urgent : [...urgent, ...all.filter((session) => !needsAttention(session))];
}

export function useProjects() {
  const client = useClient();
  return useQuery({
    queryKey: ['projects'],
    queryFn: async ({ signal }): Promise<Project[]> =>
      (await client.projects.list({ limit: 100 }, { signal })).items,
    staleTime: 30_000,
  });
}

export function useAgents(projectId: string) {
  const client = useClient();
  return useQuery({
    queryKey: ['agents', projectId],
    queryFn: async ({ signal }) =>
      (await client.agents.list({ project_id: projectId, limit: 100 }, { signal })).items,
    enabled: projectId !== '',
  });
}

/** Status and lease of the open session; its log is followed, this is not. */
export function useSession(sessionId: string) {
  const client = useClient();
  return useQuery({
    queryKey: ['session', sessionId],
    queryFn: ({ signal }) => client.sessions.get(sessionId, { signal }),
    refetchInterval: 10_000,
  });
}
