import { useMemo, useState } from 'react';
import { Input } from '../component/field.tsx';
import type { SessionFeed } from '../feed/session-feed.ts';
import { formatNumber } from '../lib/format.ts';
import { EventDetail } from './event-detail.tsx';
import { LogList } from './log-list.tsx';
import { useLogSearch } from './use-log-search.ts';

/** The log itself: every event by number, newest at the end. */
export function LogPanel({ feed, version }: { feed: SessionFeed; version: number }) {
  const { log } = feed;
  const [text, setText] = useState('');
  const [selected, setSelected] = useState<number | null>(null);
  const filter = text.trim().toLowerCase();
  const search = useLogSearch(log, filter, version);
  const matches = useMemo(() => (filter === '' ? null : log.matching(filter)), [log, filter, version]);
  const event = selected === null ? undefined : log.get(selected);
  return (
    <>
      <div className="flex items-center gap-3 border-b bg-card px-3 py-2">
        <h2 className="font-semibold">Log</h2>
        <Input
          id="log-filter"
          type="search"
          aria-label="Filter the log by type"
          placeholder="Filter by type, such as tool."
          className="h-8 max-w-60 min-w-0"
          value={text}
          onChange={(change) => setText(change.target.value)}
        />
        <p role="status" className="ml-auto text-right text-xs text-muted-foreground tabular-nums">
          {matches === null
            ? `${formatNumber(log.length)} events`
            : `${formatNumber(matches.length)} of ${formatNumber(search.searched)}${search.done ? '' : '…'}`}
        </p>
      </div>
      <LogList log={log} matches={matches} version={version} selected={selected} onSelect={setSelected} />
      {event !== undefined && <EventDetail event={event} onClose={() => setSelected(null)} />}
    </>
  );
}
