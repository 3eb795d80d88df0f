import { CircleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { cn } from '../lib/class-names.ts';
import { Button } from './button.tsx';

/** Something went wrong, and what can be done. */
export function ErrorNotice(props: { error: unknown; onRetry?: () => void; className?: string }) {
  const text = props.error instanceof Error ? props.error.message : String(props.error);
  return (
    <div
      role="alert"
      className={cn(
        'flex items-start gap-2 rounded-md border border-destructive/40 bg-destructive/8 px-3 py-2 text-sm text-destructive',
        props.className,
      )}
    >
      <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" />
      <p className="min-w-0 flex-1 break-words">{text}</p>
      {props.onRetry !== undefined && (
        <Button size="small" onClick={props.onRetry}>
          Retry
        </Button>
      )}
    </div>
  );
}

/** A list with nothing in it says what to do next. */
export function Empty(props: { title: string; children?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 rounded-lg border border-dashed px-6 py-14 text-center">
      <p className="font-medium">{props.title}</p>
      <div className="max-w-md text-sm text-muted-foreground">{props.children}</div>
    </div>
  );
}

/** It is done. */
export function SuccessNotice({ children }: { children: ReactNode }) {
  return (
    <p
      role="status"
      className="rounded-md border border-success/35 bg-success/8 px-3 py-2 text-sm text-success"
    >
      {children}
    </p>
  );
}

export function Loading({ className }: { className?: string }) {
  return (
    <p role="status" className={cn('text-muted-foreground', className)}>
      Loading…
    </p>
  );
}
