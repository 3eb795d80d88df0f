import type { LogEvent } from '@holdfast/protocol';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import {
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type CSSProperties,
  type KeyboardEvent,
  type RefObject,
} from 'react';
import { Button } from '../component/button.tsx';
import { LogRow } from './log-row.tsx';
import type { LogStore } from './log-store.ts';

const ROW_PX = 26;
const NEAR_PX = 40;

interface LogListProps {
  log: LogStore;
  /** Numbers of the events to show; null for all. */
  matches: readonly number[] | null;
  version: number;
  selected: number | null;
  onSelect: (seq: number) => void;
}

export function LogList({ log, matches, version, selected, onSelect }: LogListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const count = matches?.length ?? log.length;
  const seqAt = (index: number): number => matches?.[index] ?? log.minSeq + index;
  const rows = useRows(scroller, { log, matches, version, count });
  const items = rows.getVirtualItems();
  useInSight(scroller, { atEnd, count, selected, height: rows.scrollRect?.height ?? 0 });
  const move = useSelection({
    count,
    seqAt,
    matches,
    log,
    selected,
    onSelect,
    show: (i) => rows.scrollToIndex(i),
  });

  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        id="log-list"
        role={count > 0 ? 'listbox' : 'region'}
        aria-label="Events"
        aria-activedescendant={count > 0 && selected !== null ? `event-${selected}` : undefined}
        tabIndex={0}
        className="h-full overflow-auto bg-card focus-visible:-outline-offset-2"
        onKeyDown={move}
        onScroll={({ currentTarget: box }) =>
          setAtEnd(box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX)
        }
      >
        <div
          role="presentation"
          className="relative"
          style={{ height: rows.getTotalSize(), '--seq': `${String(log.lastSeq).length}ch` } as CSSProperties}
        >
          {items.map(({ index, start }) => {
            const seq = seqAt(index);
            return (
              <Option
                key={seq}
                position={{ seq, index, count, start }}
                event={log.get(seq)}
                selected={seq === selected}
                onSelect={onSelect}
              />
            );
          })}
        </div>
      </div>
      {!atEnd && <ToEnd onClick={() => setAtEnd(true)} />}
    </div>
  );
}

/** Draws the rows in sight, and fetches their events. */
function useRows(
  scroller: RefObject<HTMLElement | null>,
  { log, matches, version, count }: Pick<LogListProps, 'log' | 'matches' | 'version'> & { count: number },
) {
  const rows = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (matches === null && last >= 0) void log.ensure(log.minSeq + first, log.minSeq + last);
  }, [log, matches, first, last, version]);
  return rows;
}

function ToEnd({ onClick }: { onClick: () => void }) {
  return (
    <Button size="small" className="absolute right-5 bottom-3 shadow-md" onClick={onClick}>
      <ArrowDown aria-hidden="true" /> Newest
    </Button>
  );
}

interface Sight {
  atEnd: boolean;
  count: number;
  selected: number | null;
  /** Of the list, pixels. */
  height: number;
}

/** Follows the end of the log for whoever is there, and keeps what was chosen in sight. */
function useInSight(
  scroller: RefObject<HTMLElement | null>,
  { atEnd, count, selected, height }: Sight,
): void {
  useLayoutEffect(() => {
    if (atEnd && count > 0 && scroller.current !== null) scroller.current.scrollTop = count * ROW_PX;
  }, [scroller, atEnd, count, height]);
  // The detail of an event takes room away from the list: what was chosen stays in sight.
  useLayoutEffect(() => {
    const box = scroller.current;
    const row = box?.querySelector<HTMLElement>(`[data-seq="${selected}"]`);
    row?.scrollIntoView({ block: 'nearest' });
  }, [scroller, selected, height]);
}

interface OptionProps {
  position: { seq: number; index: number; count: number; start: number };
  event: LogEvent | undefined;
  selected: boolean;
  onSelect: (seq: number) => void;
}

function Option({ position: { seq, index, count, start }, event, selected, onSelect }: OptionProps) {
  return (
    <div
      id={`event-${seq}`}
      role="option"
      aria-selected={selected}
      aria-setsize={count}
      aria-posinset={index + 1}
      data-seq={seq}
      className="absolute inset-x-0 top-0 cursor-pointer"
      style={{ height: ROW_PX, transform: `translateY(${start}px)` }}
      onClick={() => onSelect(seq)}
    >
      <LogRow seq={seq} event={event} selected={selected} />
    </div>
  );
}

interface Selection extends Pick<LogListProps, 'log' | 'matches' | 'selected' | 'onSelect'> {
  count: number;
  seqAt: (index: number) => number;
  show: (index: number) => void;
}

/** Arrow keys, Page Up and Down, Home and End choose an event and bring it into sight. */
function useSelection({ count, seqAt, matches, log, selected, onSelect, show }: Selection) {
  return (event: KeyboardEvent<HTMLDivElement>): void => {
    const page = Math.max(1, Math.floor(event.currentTarget.clientHeight / ROW_PX) - 1);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -count,
      End: count,
    };
    const step = steps[event.key];
    if (step === undefined || count === 0) return;
    event.preventDefault();
    const at = selected === null ? count : (matches?.indexOf(selected) ?? selected - log.minSeq);
    const index = Math.min(Math.max(at + step, 0), count - 1);
    onSelect(seqAt(index));
    show(index);
  };
}
