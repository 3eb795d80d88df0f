import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { useAuth } from '../auth/session.tsx';
import { SessionFeed } from './session-feed.ts';

/** Follows a session as long as its page is open. The feed is one object; `version` says that it changed. */
export function useFeed(sessionId: string): { feed: SessionFeed; version: number; retry: () => void } {
  const { client, keeper } = useAuth();
  const open = useCallback(
    () => new SessionFeed(client, sessionId, () => keeper.refused()),
    [client, keeper, sessionId],
  );
  const fresh = useMemo(open, [open]);
  const [again, setAgain] = useState<{ of: SessionFeed; feed: SessionFeed } | null>(null);
  const feed = again?.of === fresh ? again.feed : fresh;
  useEffect(() => {
    const controller = new AbortController();
    void feed.run(controller.signal);
    return () => controller.abort();
  }, [feed]);
  const version = useSyncExternalStore(feed.subscribe, feed.getVersion);
  return { feed, version, retry: () => setAgain({ of: fresh, feed: open() }) };
}
