import type { LogEvent } from '@holdfast/protocol';
import { X } from 'lucide-react';
import { Button } from '../component/button.tsx';
import { JsonBlock } from '../component/json-block.tsx';
import { formatFull } from '../lib/format.ts';

export function EventDetail({ event, onClose }: { event: LogEvent; onClose: () => void }) {
  return (
    <section
      aria-label={`Event ${event.seq}`}
      className="relative max-h-[45%] overflow-y-auto border-t bg-card p-3"
    >
      <div className="mb-2 flex items-baseline gap-2 pr-8">
        <h3 className="font-mono text-xs font-semibold">
          {event.seq} {event.type}
        </h3>
        <p className="truncate text-xs text-muted-foreground">
          {formatFull(event.created_at)} · {event.actor}
        </p>
      </div>
      <JsonBlock title="Data" value={event.data} />
      <Button
        variant="ghost"
        size="icon"
        aria-label="Close the event"
        className="absolute top-1.5 right-2"
        onClick={onClose}
      >
        <X aria-hidden="true" />
      </Button>
    </section>
  );
}
