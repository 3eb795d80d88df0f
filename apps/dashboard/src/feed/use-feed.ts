import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { useClient } from '../auth/session.tsx';
import { SessionFeed } from './session-feed.ts';

/** Follows a session as long as its page is open. The feed is one object; `version` says that it changed. */
export function useFeed(sessionId: string): { feed: SessionFeed; version: number; retry: () => void } {
  const client = useClient();
  const fresh = useMemo(() => new SessionFeed(client, sessionId), [client, sessionId]);
  const [again, setAgain] = useState<{ of: SessionFeed; feed: SessionFeed } | null>(null);
  const feed = again?.of === fresh ? again.feed : fresh;
  useEffect(() => {
    const controller = new AbortController();
    void feed.run(controller.signal);
    return () => controller.abort();
  }, [feed]);
  const version = useSyncExternalStore(feed.subscribe, feed.getVersion);
  return { feed, version, retry: () => setAgain({ of: fresh, feed: new SessionFeed(client, sessionId) }) };
}
