import { useMutation, useQueryClient } from '@tanstack/react-query';

/** A change after which the lists under `key` are read anew. */
export function useChange<V = void, R = unknown>(
  key: readonly unknown[],
  mutationFn: (variables: V) => Promise<R>,
  onSuccess?: (result: R) => void,
) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn,
    onSuccess,
    onSettled: () => queries.invalidateQueries({ queryKey: key }),
  });
}
