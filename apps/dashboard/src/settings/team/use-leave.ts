import { useMutation } from '@tanstack/react-query';
import { useAuth, useLogin } from '../../auth/session.tsx';

/**
 * Leaves the team that the login is in now. A login without a team is worth nothing, so it moves to another
 * team of the user first; without one it ends.
 */
export function useLeave(teamId: string) {
  const { client, keeper } = useAuth();
  const me = useLogin().user.id;
  return useMutation({
    mutationFn: async () => {
      const { items } = await client.teams.list({ limit: 2 });
      const other = items.find(({ id }) => id !== teamId);
      if (other === undefined) {
        await client.teams.removeMember(teamId, me);
        keeper.leave();
        return;
      }
      const access = await client.auth.switchTenant(other.id);
      try {
        await client.teams.removeMember(teamId, me);
      } catch (error) {
        await client.auth.switchTenant(teamId);
        throw error;
      }
      keeper.switch(access);
    },
  });
}
