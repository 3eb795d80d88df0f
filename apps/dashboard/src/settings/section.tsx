import { useId, type ReactNode } from 'react';

/** One topic of a settings page. */
export function Section(props: {
  title: string;
  text?: string;
  /** At the right of the title. */
  action?: ReactNode;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="grid gap-4 rounded-xl border bg-card p-5">
      <div className="flex flex-wrap items-start gap-3">
        <div className="mr-auto grid gap-1">
          <h2 id={id} className="text-base font-semibold">
            {props.title}
          </h2>
          {props.text !== undefined && <p className="text-sm text-muted-foreground">{props.text}</p>}
        </div>
        {props.action}
      </div>
      {props.children}
    </section>
  );
}
