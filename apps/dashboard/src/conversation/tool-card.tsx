import { Wrench } from 'lucide-react';
import { useState } from 'react';
import { Badge, type Tone } from '../component/badge.tsx';
import { describeData } from '../lib/describe.ts';
import { JsonBlock } from '../component/json-block.tsx';
import type { ToolItem } from './item.ts';

const STATES: Record<ToolItem['status'], { label: string; tone: Tone }> = {
  running: { label: 'running', tone: 'info' },
  waiting: { label: 'waits for a client', tone: 'warning' },
  done: { label: 'done', tone: 'success' },
  failed: { label: 'failed', tone: 'error' },
  stopped: { label: 'stopped', tone: 'neutral' },
};

export function ToolCard({ item }: { item: ToolItem }) {
  const { tool, input, output, status } = item;
  const { label, tone } = STATES[status];
  const [open, setOpen] = useState(false);
  return (
    <details
      className="group rounded-lg border bg-card"
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary className="flex list-none items-center gap-3 rounded-lg px-3 py-2 hover:bg-muted/60">
        <Wrench aria-hidden="true" className="size-4 shrink-0 text-muted-foreground" />
        <span className="shrink-0 font-mono text-xs font-semibold">{tool}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-xs text-muted-foreground">
          {describeData(input ?? {})}
        </span>
        <Badge tone={tone} pulse={status === 'running'}>
          {label}
        </Badge>
      </summary>
      {open && (
        <div className="grid gap-3 border-t p-3">
          <JsonBlock title="Input" value={input} />
          {output !== undefined && <JsonBlock title="Output" value={output} />}
        </div>
      )}
    </details>
  );
}
