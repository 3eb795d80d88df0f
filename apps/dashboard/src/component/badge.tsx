import { cva, type VariantProps } from 'class-variance-authority';
import type { ComponentProps } from 'react';
import { cn } from '../lib/class-names.ts';

const badgeStyle = cva(
  'inline-flex items-center gap-1.5 rounded-full border px-2 py-0.5 text-xs font-medium whitespace-nowrap',
  {
    variants: {
      tone: {
        neutral: 'text-muted-foreground',
        info: 'border-info/35 bg-info/8 text-info',
        success: 'border-success/35 bg-success/8 text-success',
        warning: 'border-warning/40 bg-warning/10 text-warning',
        error: 'border-destructive/40 bg-destructive/8 text-destructive',
      },
    },
    defaultVariants: { tone: 'neutral' },
  },
);

export type Tone = NonNullable<VariantProps<typeof badgeStyle>['tone']>;

/** `pulse`: something is going on right now. */
export function Badge(props: ComponentProps<'span'> & { tone?: Tone; pulse?: boolean }) {
  const { tone, pulse = false, className, children, ...rest } = props;
  return (
    <span className={cn(badgeStyle({ tone }), className)} {...rest}>
      <span
        aria-hidden="true"
        className={cn(
          'size-1.5 rounded-full bg-current',
          pulse && 'animate-pulse motion-reduce:animate-none',
        )}
      />
      {children}
    </span>
  );
}
