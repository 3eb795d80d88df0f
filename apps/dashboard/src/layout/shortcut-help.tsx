import { Dialog } from '../component/dialog.tsx';
import { SHORTCUTS, useShortcutsOn } from './shortcuts.ts';

export function ShortcutHelp({ open, onClose }: { open: boolean; onClose: () => void }) {
  const [on, setOn] = useShortcutsOn();
  return (
    <Dialog open={open} onClose={onClose} title="Keyboard shortcuts">
      <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-4 gap-y-2 text-sm">
        {SHORTCUTS.map(({ keys, does, where }) => (
          <div key={keys} className="contents">
            <dt className="flex gap-1">
              {keys.split(/ +/).map((key) => (
                <kbd key={key} className="rounded border bg-muted px-1.5 py-0.5 font-mono text-xs">
                  {key}
                </kbd>
              ))}
            </dt>
            <dd>
              {does}
              {where !== undefined && <span className="text-muted-foreground"> · {where}</span>}
            </dd>
          </div>
        ))}
      </dl>
      <label className="flex items-center gap-2 border-t pt-4 text-sm">
        <input
          type="checkbox"
          className="size-4 accent-primary"
          checked={on}
          onChange={(event) => setOn(event.target.checked)}
        />
        Single-key shortcuts are on
      </label>
    </Dialog>
  );
}
