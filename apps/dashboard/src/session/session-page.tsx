import { useState } from 'react';
import { flushSync } from 'react-dom';
import { Link } from 'wouter';
import { Button } from '../component/button.tsx';
import { ErrorNotice } from '../component/notice.tsx';
import { Composer } from '../conversation/composer.tsx';
import { ConversationPanel } from '../conversation/conversation-panel.tsx';
import { usePost } from '../conversation/use-post.ts';
import { useFeed } from '../feed/use-feed.ts';
import { usePageTitle } from '../layout/page-title.ts';
import { useShortcuts } from '../layout/shortcuts.ts';
import { cn } from '../lib/class-names.ts';
import { LogPanel } from '../log/log-panel.tsx';
import { useSession } from './queries.ts';
import { SessionHeader } from './session-header.tsx';
import { sessionTitle } from './session-row.tsx';
import { useRuns } from './use-runs.ts';

type Side = 'conversation' | 'log';

export function SessionPage({ sessionId }: { sessionId: string }) {
  const { feed, version, retry } = useFeed(sessionId);
  const session = useSession(sessionId);
  const post = usePost(feed, sessionId);
  const runs = useRuns(sessionId);
  const [side, setSide] = useState<Side>('conversation');
  usePageTitle(session.data === undefined ? 'Session' : sessionTitle(session.data));
  const focus = (target: Side, selector: string): void => {
    // It may only be there after this.
    flushSync(() => setSide(target));
    document.querySelector<HTMLElement>(selector)?.focus();
  };
  useShortcuts({
    m: () => focus('conversation', '#message'),
    l: () => focus('log', '#log-list'),
    '/': () => focus('log', '#log-filter'),
  });

  const { openRun } = feed.conversation;
  const closed = session.data !== undefined && !['active', 'stalled'].includes(session.data.status);
  return (
    <div className="flex h-full flex-col">
      <SessionHeader
        session={session.data}
        connection={feed.connection}
        openRun={openRun}
        runs={runs}
        closed={closed}
      />
      {(session.isError || feed.error !== null) && (
        <div className="border-b p-3">
          <ErrorNotice error={feed.error ?? session.error} onRetry={retry} />
          <Link href="/sessions" className="mt-2 inline-block text-sm underline">
            Back to the sessions
          </Link>
        </div>
      )}
      <SideSwitch side={side} onChange={setSide} />
      <div className="grid min-h-0 flex-1 lg:grid-cols-[minmax(0,1.15fr)_minmax(0,1fr)]">
        <section
          aria-label="Conversation"
          className={cn('min-h-0 flex-col lg:flex', side === 'conversation' ? 'flex' : 'hidden')}
        >
          <ConversationPanel feed={feed} version={version} waiting={post.waiting} onRetry={post.retry} />
          <Composer disabled={closed} onSend={post.send} />
        </section>
        <section
          aria-label="Log"
          className={cn('min-h-0 min-w-0 flex-col border-l lg:flex', side === 'log' ? 'flex' : 'hidden')}
        >
          <LogPanel feed={feed} version={version} />
        </section>
      </div>
    </div>
  );
}

/** Narrow screens show one of the two at a time. */
function SideSwitch({ side, onChange }: { side: Side; onChange: (side: Side) => void }) {
  return (
    <div className="flex gap-1 border-b bg-card px-4 py-1.5 lg:hidden">
      {(['conversation', 'log'] as const).map((name) => (
        <Button
          key={name}
          size="small"
          variant={side === name ? 'outline' : 'ghost'}
          aria-pressed={side === name}
          className="capitalize"
          onClick={() => onChange(name)}
        >
          {name}
        </Button>
      ))}
    </div>
  );
}
