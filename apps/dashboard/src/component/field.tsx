import { ChevronDown } from 'lucide-react';
import { useId, type ComponentProps, type ReactNode } from 'react';
import { cn } from '../lib/class-names.ts';

const CONTROL =
  'w-full rounded-md border border-input bg-card px-3 text-sm text-foreground placeholder:text-muted-foreground ' +
  'disabled:opacity-60 aria-invalid:border-destructive';

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input className={cn(CONTROL, 'h-9', className)} {...rest} />;
}

export function Textarea({ className, ...rest }: ComponentProps<'textarea'>) {
  return <textarea className={cn(CONTROL, 'py-2', className)} {...rest} />;
}

export function Select({ className, ...rest }: ComponentProps<'select'>) {
  return (
    <span className={cn('relative block', className)}>
      <select className={cn(CONTROL, 'h-9 appearance-none truncate pr-8')} {...rest} />
      <ChevronDown
        aria-hidden="true"
        className="pointer-events-none absolute top-2.5 right-2.5 size-4 text-muted-foreground"
      />
    </span>
  );
}

/** A labelled control; `children` gets the id to put on it. */
export function Field(props: { label: string; hint?: string; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="grid gap-1.5">
      <label htmlFor={id} className="text-sm font-medium">
        {props.label}
      </label>
      {props.children(id)}
      {props.hint !== undefined && <p className="text-xs text-muted-foreground">{props.hint}</p>}
    </div>
  );
}

/** A labelled line of text. */
export function TextField(
  props: Omit<ComponentProps<'input'>, 'onChange'> & {
    label: string;
    hint?: string;
    onChange: (value: string) => void;
  },
) {
  const { label, hint, onChange, ...rest } = props;
  return (
    <Field label={label} hint={hint}>
      {(id) => <Input id={id} {...rest} onChange={(event) => onChange(event.target.value)} />}
    </Field>
  );
}
