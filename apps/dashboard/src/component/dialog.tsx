import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { cn } from '../lib/class-names.ts';
import { Button, buttonStyle } from './button.tsx';

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  description?: string;
  /** For tables and texts side by side. */
  wide?: boolean;
  children: ReactNode;
}

/** A modal window: keeps the focus inside, closes on Escape, gives the focus back. */
export function Dialog({ open, onClose, title, description, wide = false, children }: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/45" />
        <Base.Popup
          className={cn(
            'fixed top-1/2 left-1/2 z-50 grid max-h-[90dvh] -translate-x-1/2 -translate-y-1/2 gap-4 overflow-y-auto rounded-xl border bg-card p-6 shadow-xl',
            wide ? 'w-[min(54rem,94vw)]' : 'w-[min(34rem,94vw)]',
          )}
        >
          <div className="grid gap-1 pr-8">
            <Base.Title className="text-base font-semibold">{title}</Base.Title>
            {description !== undefined && (
              <Base.Description className="text-sm text-muted-foreground">{description}</Base.Description>
            )}
          </div>
          {children}
          <Base.Close
            aria-label="Close"
            className={`${buttonStyle({ variant: 'ghost', size: 'icon' })} absolute top-4 right-4`}
          >
            <X aria-hidden="true" />
          </Base.Close>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

/** Asks before something that cannot be undone. */
export function Confirm(props: {
  open: boolean;
  title: string;
  text: string;
  action: string;
  busy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog open={props.open} onClose={props.onClose} title={props.title} description={props.text}>
      <div className="flex justify-end gap-2">
        <Button onClick={props.onClose}>Keep</Button>
        <Button variant="destructive" disabled={props.busy} onClick={props.onConfirm}>
          {props.action}
        </Button>
      </div>
    </Dialog>
  );
}
