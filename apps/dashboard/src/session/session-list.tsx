import type { Session } from '@holdfast/protocol';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type KeyboardEvent, type RefObject } from 'react';
import { useShortcuts } from '../layout/shortcuts.ts';
import { useNow } from '../lib/use-now.ts';
import { SessionRow } from './session-row.tsx';

const ROW_PX = 64;

interface SessionListProps {
  sessions: readonly Session[];
  projects: readonly { id: string; name: string }[];
  hasMore: boolean;
  isLoading: boolean;
  onMore: () => void;
}

/** Only the rows in sight are in the page, and the next page is fetched before its first row is. */
export function SessionList({ sessions, projects, hasMore, isLoading, onMore }: SessionListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const now = useNow(5_000);
  const names = new Map(projects.map(({ id, name }) => [id, name]));
  const rows = useVirtualizer({
    count: sessions.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
    getItemKey: (index) => sessions[index]!.id,
  });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (hasMore && !isLoading && last >= sessions.length - 20) onMore();
  }, [hasMore, isLoading, last, sessions.length, onMore]);

  const onKeyDown = useRowKeys(scroller, sessions.length, (index) => rows.scrollToIndex(index));

  return (
    <div
      ref={scroller}
      role="region"
      aria-label="List of sessions"
      tabIndex={-1}
      className="-mx-2 min-h-0 flex-1 overflow-y-auto px-2 pb-6"
      onKeyDown={onKeyDown}
    >
      <ul aria-label="Sessions" className="relative" style={{ height: rows.getTotalSize() }}>
        {items.map(({ key, index, start }) => {
          const session = sessions[index]!;
          return (
            <li
              key={key}
              data-index={index}
              aria-setsize={hasMore ? -1 : sessions.length}
              aria-posinset={index + 1}
              className="absolute inset-x-0 top-0"
              style={{ height: ROW_PX, transform: `translateY(${start}px)` }}
            >
              <SessionRow session={session} project={names.get(session.project_id)} now={now} />
            </li>
          );
        })}
      </ul>
      {isLoading && (
        <p role="status" className="py-2 text-center text-xs text-muted-foreground">
          Loading more…
        </p>
      )}
    </div>
  );
}

/** j and k, the arrow keys, Home and End move the focus from row to row. */
function useRowKeys(
  scroller: RefObject<HTMLElement | null>,
  count: number,
  show: (index: number) => void,
): (event: KeyboardEvent) => void {
  const focusRow = (index: number): void => {
    const target = Math.min(Math.max(index, 0), count - 1);
    show(target);
    // The row may only be drawn after the scrolling.
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${target}"] a`)?.focus(),
    );
  };
  const focused = (): number =>
    Number(document.activeElement?.closest('[data-index]')?.getAttribute('data-index') ?? -1);
  useShortcuts({ j: () => focusRow(focused() + 1), k: () => focusRow(focused() - 1) });
  return (event: KeyboardEvent): void => {
    const target = { ArrowDown: focused() + 1, ArrowUp: focused() - 1, Home: 0, End: count - 1 }[event.key];
    if (target === undefined || focused() === -1) return;
    event.preventDefault();
    focusRow(target);
  };
}
