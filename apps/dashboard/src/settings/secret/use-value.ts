import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { SECRETS } from './queries.ts';

/**
 * Sends what was typed into `control`, and empties it once it is stored. The value is no variable of the mutation,
 * whose cache would keep it.
 */
export function useValue<R>(send: (value: string) => Promise<R>, onStored: (result: R) => void) {
  const queries = useQueryClient();
  const control = useRef<HTMLTextAreaElement>(null);
  const attempt = useMutation({
    gcTime: 0,
    mutationFn: () => send(control.current?.value ?? ''),
    onSuccess: (result) => {
      if (control.current !== null) control.current.value = '';
      onStored(result);
    },
    onSettled: () => queries.invalidateQueries({ queryKey: SECRETS }),
  });
  return { control, attempt };
}
