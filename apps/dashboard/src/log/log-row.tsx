import type { LogEvent } from '@holdfast/protocol';
import { memo } from 'react';
import { cn } from '../lib/class-names.ts';
import { describeData } from '../lib/describe.ts';
import { formatClock } from '../lib/format.ts';

const NOUN_COLOURS: Record<string, string> = {
  message: 'text-info',
  run: 'text-success',
  tool: 'text-warning',
  step: 'text-primary',
};
const BAD = /\.(failed|stalled|superseded|cancelled)$/;

export const LogRow = memo(function LogRow(props: {
  seq: number;
  event: LogEvent | undefined;
  selected: boolean;
}) {
  const { seq, event, selected } = props;
  const noun = event?.type.split('.', 1)[0] ?? '';
  return (
    <span
      className={cn(
        'grid h-full grid-cols-[var(--seq)_4.2rem_minmax(6rem,10.5rem)_minmax(0,1fr)] items-center gap-3 border-l-2 border-transparent px-3 font-mono text-xs hover:bg-muted/60',
        selected && 'border-primary bg-accent hover:bg-accent',
      )}
    >
      <span className="text-right text-muted-foreground tabular-nums">{seq}</span>
      {event === undefined ? (
        <span className="col-span-3 text-muted-foreground">…</span>
      ) : (
        <>
          <span className="text-muted-foreground tabular-nums">{formatClock(event.created_at)}</span>
          <span
            className={cn(
              'truncate font-medium',
              BAD.test(event.type) ? 'text-destructive' : NOUN_COLOURS[noun],
            )}
          >
            {event.type}
          </span>
          <span className="truncate text-muted-foreground">{describeData(event.data)}</span>
        </>
      )}
    </span>
  );
});
