import { useRef, useState, type UIEvent } from 'react';
import { Button } from '../component/button.tsx';
import type { SessionFeed } from '../feed/session-feed.ts';
import { useStickToEnd } from '../lib/use-stick-to-end.ts';
import { ItemView } from './item-view.tsx';
import type { Waiting } from './use-post.ts';
import { WaitingMessage } from './waiting-message.tsx';

interface ConversationPanelProps {
  feed: SessionFeed;
  /** Of the feed: it changed. */
  version: number;
  waiting: readonly Waiting[];
  onRetry: (message: Waiting) => void;
}

export function ConversationPanel({ feed, version, waiting, onRetry }: ConversationPanelProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const stick = useStickToEnd(scroller, version + waiting.length);
  const { items, firstIndex } = feed.conversation;
  const empty = items.length === 0 && waiting.length === 0 && feed.connection === 'live';
  return (
    <div
      ref={scroller}
      role="region"
      aria-label="Messages"
      tabIndex={0}
      className="min-h-0 flex-1 overflow-y-auto focus-visible:-outline-offset-2"
      onScroll={(event: UIEvent<HTMLDivElement>) => stick.onScroll(event.currentTarget)}
    >
      <div className="mx-auto flex max-w-3xl flex-col gap-4 px-4 py-6">
        {firstIndex > 0 && <Earlier feed={feed} count={firstIndex} />}
        {empty && (
          <p className="py-16 text-center text-muted-foreground">
            Nothing has been said yet. Write a message, and the agent answers.
          </p>
        )}
        {items.map((item) => (
          <ItemView key={item.key} item={item} />
        ))}
        {waiting.map((message) => (
          <WaitingMessage key={message.id} message={message} onRetry={() => onRetry(message)} />
        ))}
      </div>
    </div>
  );
}

function Earlier({ feed, count }: { feed: SessionFeed; count: number }) {
  const [busy, setBusy] = useState(false);
  return (
    <Button
      size="small"
      className="self-center"
      disabled={busy}
      onClick={() => {
        setBusy(true);
        feed
          .loadEarlier()
          .finally(() => setBusy(false))
          .catch(() => undefined);
      }}
    >
      {busy ? 'Loading…' : `Show earlier messages (${count})`}
    </Button>
  );
}
