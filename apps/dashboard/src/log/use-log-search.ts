import { useEffect } from 'react';
import type { LogStore } from './log-store.ts';

/** While a filter is set, older pages are fetched one after the other until the whole log is searched. */
export function useLogSearch(log: LogStore, filter: string, version: number) {
  const gap = filter === '' ? null : log.newestGap();
  const from = gap?.from ?? null;
  const to = gap?.to ?? null;
  useEffect(() => {
    if (from === null || to === null) return;
    void log.ensure(from, to);
    // A page that could not be fetched is asked for again by the next change.
  }, [log, from, to, version]);
  return { searched: log.loaded, done: gap === null };
}
