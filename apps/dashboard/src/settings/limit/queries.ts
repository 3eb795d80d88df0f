import type { RateBlock, RateLimits, RateOverride } from '@holdfast/protocol';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useClient } from '../../auth/session.tsx';

const FRESH_MS = 3_000;
const LIMITS = ['limits'];
const USAGE = ['limit-usage'];

/** Who is counted under a policy. */
export interface Counted {
  policy: string;
  subject: string;
  /** Another tenant's, for the operator. */
  tenant_id?: string;
}

/** Policies, overrides and blocks, asked for again every few seconds. */
export function useLimits() {
  const client = useClient();
  return useQuery({
    queryKey: LIMITS,
    queryFn: ({ signal }): Promise<RateLimits> => client.rateLimits.list({ signal }),
    refetchInterval: FRESH_MS,
  });
}

/** What somebody has used now, asked for again every few seconds. */
export function useUsage({ policy, subject, tenant_id }: Counted) {
  const client = useClient();
  return useQuery({
    queryKey: [...USAGE, policy, subject, tenant_id],
    queryFn: ({ signal }) => client.rateLimits.usage(policy, { subject, tenant_id }, { signal }),
    refetchInterval: ({ state }) => (state.status === 'error' ? false : FRESH_MS),
  });
}

export function useReset({ policy, subject, tenant_id }: Counted) {
  const client = useClient();
  const refresh = useRefresh();
  return useMutation({
    mutationFn: () => client.rateLimits.reset(policy, { subject, tenant_id }),
    onSettled: refresh,
  });
}

export function useUnblock() {
  const client = useClient();
  const refresh = useRefresh();
  return useMutation({
    mutationFn: ({ policy, subject, tenant_id }: Pick<RateBlock, 'policy' | 'subject' | 'tenant_id'>) =>
      client.rateLimits.unblock(policy, { subject, tenant_id: tenant_id ?? undefined }),
    onSettled: refresh,
  });
}

export function useDeleteOverride() {
  const client = useClient();
  const refresh = useRefresh();
  return useMutation({
    mutationFn: ({ id }: RateOverride) => client.rateLimits.remove(id),
    onSettled: refresh,
  });
}

/** After a change, everything about limits is asked for at once. */
export function useRefresh(): () => Promise<unknown> {
  const queries = useQueryClient();
  return () => Promise.all([LIMITS, USAGE].map((queryKey) => queries.invalidateQueries({ queryKey })));
}
