import type { UseMutationResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { cn } from '../lib/class-names.ts';
import { explain, formatWait } from '../lib/explain.ts';
import { useWait } from '../lib/use-wait.ts';
import { Button, type ButtonProps } from './button.tsx';
import { ErrorNotice } from './notice.tsx';

type Attempt = Pick<UseMutationResult<unknown, Error, void>, 'mutate' | 'isPending' | 'isError' | 'error'>;

interface FormProps {
  /** What is done on submit. */
  attempt: Attempt;
  action: string;
  /** Instead of `action`, while it is done. */
  busy?: string;
  variant?: ButtonProps['variant'];
  disabled?: boolean;
  /** Accessible name; needed where a page has several. */
  label?: string;
  className?: string;
  /** Beside the button. */
  more?: ReactNode;
  children?: ReactNode;
}

/** Fields with one action. Says what went wrong, and how long to wait where attempts are limited. */
export function Form(props: FormProps) {
  const { attempt, action, busy = action, variant = 'primary', disabled = false, children } = props;
  const wait = useWait(attempt.error);
  return (
    <form
      aria-label={props.label}
      className={cn('grid gap-4', props.className)}
      onSubmit={(event) => {
        event.preventDefault();
        if (!attempt.isPending && wait === 0) attempt.mutate();
      }}
    >
      {attempt.isError && <ErrorNotice error={explain(attempt.error)} />}
      {children}
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" variant={variant} disabled={disabled || attempt.isPending || wait > 0}>
          {attempt.isPending ? busy : wait > 0 ? `Wait ${formatWait(wait)}` : action}
        </Button>
        {props.more}
      </div>
    </form>
  );
}
