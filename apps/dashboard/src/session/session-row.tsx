import type { Session } from '@holdfast/protocol';
import { memo } from 'react';
import { Link } from 'wouter';
import { formatAge, formatFull, formatNumber } from '../lib/format.ts';
import { SessionStatus } from './status.tsx';

export const sessionTitle = ({ title, id }: Pick<Session, 'title' | 'id'>): string =>
  title ?? `Session ${id.slice(-8)}`;

interface SessionRowProps {
  session: Session;
  project: string | undefined;
  now: number;
}

export const SessionRow = memo(function SessionRow({ session, project, now }: SessionRowProps) {
  const { lease, message_count, last_seq, updated_at } = session;
  return (
    <Link
      href={`/sessions/${session.id}`}
      className="grid h-[58px] grid-cols-[1fr_auto] items-center gap-4 rounded-lg border bg-card px-4 hover:border-ring focus-visible:outline-offset-0 sm:grid-cols-[1fr_7rem_9rem_6.5rem]"
    >
      <span className="min-w-0">
        <span className="block truncate font-medium">{sessionTitle(session)}</span>
        <span className="block truncate text-xs text-muted-foreground">
          {project ?? 'Project'} · {session.kind}
          {lease.state === 'held' && ` · held by ${lease.holder}`}
          {lease.state === 'stalled' &&
            ` · last heard of ${lease.holder} ${formatAge(lease.last_heartbeat, now)}`}
        </span>
      </span>
      <span className="justify-self-end sm:justify-self-start">
        <SessionStatus session={session} />
      </span>
      <span className="hidden text-xs text-muted-foreground tabular-nums sm:block">
        {formatNumber(message_count)} {message_count === 1 ? 'message' : 'messages'}
        <span className="block">
          {formatNumber(last_seq)} {last_seq === 1 ? 'event' : 'events'}
        </span>
      </span>
      <time
        dateTime={updated_at}
        title={formatFull(updated_at)}
        className="hidden text-right text-xs text-muted-foreground tabular-nums sm:block"
      >
        {formatAge(updated_at, now)}
      </time>
    </Link>
  );
});
