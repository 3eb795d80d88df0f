import { useQuery } from '@tanstack/react-query';
import { useClient, useLogin } from '../auth/session.tsx';

/** Somebody may have changed the role meanwhile. */
const FRESH_MS = 15_000;

/** The team that the login is in now, with the caller's role in it. */
export function useTeam() {
  const client = useClient();
  const { tenantId } = useLogin();
  return useQuery({
    queryKey: ['team'],
    queryFn: ({ signal }) => client.teams.get(tenantId, { signal }),
    refetchInterval: FRESH_MS,
  });
}
