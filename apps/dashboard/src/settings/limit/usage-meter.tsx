import type { RateUsage } from '@holdfast/protocol';
import { cn } from '../../lib/class-names.ts';
import { formatNumber } from '../../lib/format.ts';
import { formatSpan, formatUntil } from '../../lib/until.ts';
import { useUsage, type Counted } from './queries.ts';

const NEARLY = 0.8;

/** What somebody has used of a limit, live. */
export function LiveUsage({ counted, now }: { counted: Counted; now: number }) {
  const usage = useUsage(counted);
  if (usage.isError) return <span className="text-xs text-destructive">{usage.error.message}</span>;
  if (usage.data === undefined) return <span className="text-xs text-muted-foreground">…</span>;
  return <UsageMeter usage={usage.data} now={now} />;
}

export function UsageMeter({ usage, now }: { usage: RateUsage; now: number }) {
  const { policy, limit, remaining, window_seconds, blocked_until } = usage;
  const blocked = blocked_until === null ? null : formatUntil(blocked_until, now);
  if (limit === null || remaining === null)
    return (
      <span className="text-xs text-muted-foreground">{blocked === null ? 'not counted' : 'blocked'}</span>
    );
  // Those that were delayed are above the limit.
  const used = Math.max(0, limit - remaining);
  const share = Math.min(1, used / limit);
  return (
    <div className="grid min-w-32 gap-1">
      <div
        role="meter"
        aria-label={`Used of ${policy}`}
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={used}
        className="h-1.5 overflow-hidden rounded-full bg-muted"
      >
        <div
          className={cn(
            'h-full rounded-full bg-primary',
            share >= NEARLY && 'bg-warning',
            (share === 1 || blocked !== null) && 'bg-destructive',
          )}
          style={{ width: `${share * 100}%` }}
        />
      </div>
      <span className="text-xs whitespace-nowrap text-muted-foreground tabular-nums">
        {formatNumber(used)} of {formatNumber(limit)}
        {window_seconds !== null && ` in ${formatSpan(window_seconds)}`}
        {blocked !== null && <span className="text-destructive"> · blocked, ends {blocked}</span>}
      </span>
    </div>
  );
}
