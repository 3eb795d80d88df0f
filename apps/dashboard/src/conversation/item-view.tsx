import { memo } from 'react';
import { cn } from '../lib/class-names.ts';
import { formatClock, formatFull } from '../lib/format.ts';
import type { Item, MessageItem, NoteItem } from './item.ts';
import { ToolCard } from './tool-card.tsx';

export const ItemView = memo(function ItemView({ item }: { item: Item }) {
  if (item.kind === 'message')
    return item.role === 'user' ? <Question item={item} /> : <Answer item={item} />;
  return item.kind === 'tool' ? <ToolCard item={item} /> : <Note item={item} />;
});

function Time({ at }: { at: string }) {
  if (at === '') return null;
  return (
    <time dateTime={at} title={formatFull(at)} className="text-xs text-muted-foreground tabular-nums">
      {formatClock(at)}
    </time>
  );
}

function Question({ item }: { item: MessageItem }) {
  return (
    <article
      aria-label="Message of the user"
      data-message={item.key}
      className="flex flex-col items-end gap-1"
    >
      <div className="max-w-[85%] rounded-2xl rounded-br-sm bg-accent px-4 py-2.5 break-words whitespace-pre-wrap">
        {item.content}
      </div>
      <Time at={item.at} />
    </article>
  );
}

function Answer({ item }: { item: MessageItem }) {
  const { key, content, partial, role, at } = item;
  return (
    <article
      aria-label={role === 'system' ? 'System message' : 'Answer'}
      aria-busy={partial}
      data-message={key}
      data-partial={partial}
      className="flex flex-col gap-1"
    >
      <div className={cn('max-w-[95%] leading-relaxed break-words whitespace-pre-wrap', partial && 'caret')}>
        {content}
        {content === '' && <span className="text-muted-foreground">Thinking… </span>}
      </div>
      {!partial && <Time at={at} />}
    </article>
  );
}

const TONES = {
  neutral: 'text-muted-foreground',
  warning: 'text-warning',
  error: 'text-destructive',
};

function Note({ item }: { item: NoteItem }) {
  return (
    <p className={cn('flex items-center gap-3 text-xs', TONES[item.tone])}>
      <span aria-hidden="true" className="h-px flex-1 bg-border" />
      <span className="max-w-[80%] text-center break-words">{item.text}</span>
      <span aria-hidden="true" className="h-px flex-1 bg-border" />
    </p>
  );
}
