import type { Session } from '@holdfast/protocol';
import { Badge, type Tone } from '../component/badge.tsx';

interface Shown {
  label: string;
  tone: Tone;
  live: boolean;
}

const ENDED: Partial<Record<Session['status'], Tone>> = {
  completed: 'success',
  failed: 'error',
  interrupted: 'warning',
};

/** A holder that fell silent: somebody should look. */
export const needsAttention = ({ status, lease }: Session): boolean =>
  status === 'stalled' || (status === 'active' && lease.state === 'stalled');

function shownStatus(session: Session): Shown {
  if (needsAttention(session)) return { label: 'stalled', tone: 'error', live: false };
  const ended = ENDED[session.status];
  if (ended !== undefined) return { label: session.status, tone: ended, live: false };
  if (session.status === 'paused') return { label: 'paused', tone: 'warning', live: false };
  if (session.lease.state === 'held') return { label: 'working', tone: 'info', live: true };
  return { label: 'idle', tone: 'neutral', live: false };
}

export function SessionStatus({ session }: { session: Session }) {
  const { label, tone, live } = shownStatus(session);
  return (
    <Badge tone={tone} pulse={live}>
      {label}
    </Badge>
  );
}
