import { Check, Copy } from 'lucide-react';
import { useId, useState } from 'react';
import { Button } from './button.tsx';
import { Input } from './field.tsx';

type Outcome = 'copied' | 'refused';

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome('copied');
    } catch {
      // A page that is not served over HTTPS has no clipboard.
      setOutcome('refused');
    }
  };
  return (
    <span className="flex shrink-0 items-center gap-2">
      <Button size="small" onClick={() => void copy()}>
        {outcome === 'copied' ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />} {label}
      </Button>
      <span role="status" className="text-xs text-muted-foreground">
        {outcome === 'copied' && 'Copied.'}
        {outcome === 'refused' && 'The browser does not allow it: select the text and copy it.'}
      </span>
    </span>
  );
}

/** A secret that is told this once. */
export function SecretOnce({ label, secret }: { label: string; secret: string }) {
  const id = useId();
  return (
    <div className="grid gap-2 rounded-md border border-warning/40 bg-warning/10 p-3">
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <Input
        id={id}
        readOnly
        className="font-mono text-xs"
        value={secret}
        onFocus={(event) => event.target.select()}
      />
      <div className="flex flex-wrap items-center justify-between gap-2">
        <p className="text-xs">Keep it now: it is shown this once.</p>
        <CopyButton text={secret} />
      </div>
    </div>
  );
}
