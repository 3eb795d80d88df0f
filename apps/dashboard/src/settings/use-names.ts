import { useQuery } from '@tanstack/react-query';
import { useClient, useLogin } from '../auth/session.tsx';

const FRESH_MS = 60_000;

/** `key:<id>` or `user:<id>` of the team, and what people call it. */
export interface Named {
  subject: string;
  name: string;
}

/** The members and keys of the team, as limits and the audit log name them. */
export function useNames(): { all: readonly Named[]; nameOf: (subject: string) => string } {
  const client = useClient();
  const { tenantId } = useLogin();
  const { data: all = [] } = useQuery({
    queryKey: ['names', tenantId],
    queryFn: async ({ signal }): Promise<Named[]> => {
      const [members, keys] = await Promise.all([
        client.teams.members(tenantId, { limit: 100 }, { signal }),
        client.apiKeys.list({ limit: 100 }, { signal }),
      ]);
      return [
        ...members.items.map(({ user_id, email }) => ({ subject: `user:${user_id}`, name: email })),
        ...keys.items.map(({ id, name }) => ({ subject: `key:${id}`, name: `key “${name}”` })),
      ];
    },
    staleTime: FRESH_MS,
  });
  const names = new Map(all.map(({ subject, name }) => [subject, name]));
  return { all, nameOf: (subject) => names.get(subject) ?? subject };
}
