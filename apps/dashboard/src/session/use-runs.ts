import { useMutation } from '@tanstack/react-query';
import { useClient } from '../auth/session.tsx';

/** Starts and cancels; what comes of it is told by the log. */
export function useRuns(sessionId: string) {
  const client = useClient();
  const start = useMutation({ mutationFn: () => client.runs.start(sessionId) });
  const cancel = useMutation({
    mutationFn: (runId: string) =>
      client.runs.cancel(sessionId, runId, { reason: 'cancelled from the dashboard' }),
  });
  return { start, cancel };
}
