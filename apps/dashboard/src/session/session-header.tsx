import type { Session } from '@holdfast/protocol';
import { ArrowLeft, FileText, Play, Square } from 'lucide-react';
import { Link } from 'wouter';
import { Badge } from '../component/badge.tsx';
import { Button, buttonStyle } from '../component/button.tsx';
import type { RunState } from '../conversation/item.ts';
import type { Connection } from '../feed/session-feed.ts';
import { sessionTitle } from './session-row.tsx';
import { SessionStatus } from './status.tsx';
import type { useRuns } from './use-runs.ts';

interface SessionHeaderProps {
  session: Session | undefined;
  connection: Connection;
  openRun: RunState | null;
  runs: ReturnType<typeof useRuns>;
  closed: boolean;
}

export function SessionHeader({ session, connection, openRun, runs, closed }: SessionHeaderProps) {
  const { start, cancel } = runs;
  const failed = start.error ?? cancel.error;
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b bg-card px-4 py-2">
      <Link
        href="/sessions"
        aria-label="Back to the sessions"
        className={buttonStyle({ variant: 'ghost', size: 'icon' })}
      >
        <ArrowLeft aria-hidden="true" />
      </Link>
      <h1 className="min-w-0 truncate font-semibold tracking-tight">
        {session === undefined ? 'Session' : sessionTitle(session)}
      </h1>
      {session !== undefined && closed && <SessionStatus session={session} />}
      <RunBadge run={openRun} />
      <ConnectionBadge connection={connection} />
      <div className="ml-auto flex items-center gap-2">
        {failed !== null && (
          <span role="alert" className="max-w-72 truncate text-xs text-destructive" title={failed.message}>
            {failed.message}
          </span>
        )}
        {session !== undefined && (
          <Link
            href={`/documents/${session.project_id}`}
            className={buttonStyle({ variant: 'ghost', size: 'small' })}
          >
            <FileText aria-hidden="true" /> Documents
          </Link>
        )}
        {openRun !== null ? (
          <Button size="small" disabled={cancel.isPending} onClick={() => cancel.mutate(openRun.id)}>
            <Square aria-hidden="true" /> Cancel run
          </Button>
        ) : (
          <Button
            size="small"
            disabled={closed || start.isPending || (session?.agent_id ?? null) === null}
            onClick={() => start.mutate()}
          >
            <Play aria-hidden="true" /> Start run
          </Button>
        )}
      </div>
    </div>
  );
}

function RunBadge({ run }: { run: RunState | null }) {
  return (
    <span role="status" aria-label="Run">
      {run === null ? (
        <Badge>no run</Badge>
      ) : (
        <Badge tone={run.status === 'waiting' ? 'warning' : 'info'} pulse={run.status === 'running'}>
          {run.status === 'waiting' ? 'waiting for a tool' : run.status}
        </Badge>
      )}
    </span>
  );
}

const CONNECTIONS = {
  opening: { label: 'connecting…', tone: 'neutral' },
  live: { label: 'live', tone: 'success' },
  reconnecting: { label: 'reconnecting…', tone: 'warning' },
  ended: { label: 'disconnected', tone: 'error' },
} as const satisfies Record<Connection, unknown>;

function ConnectionBadge({ connection }: { connection: Connection }) {
  const { label, tone } = CONNECTIONS[connection];
  return (
    <span role="status" aria-label="Connection">
      <Badge tone={tone} pulse={connection === 'reconnecting'}>
        {label}
      </Badge>
    </span>
  );
}
