import { useRef } from 'react';
import { useShortcuts } from '../../layout/shortcuts.ts';

/** j and k move the focus from button to button of a list. */
export function useRowKeys() {
  const list = useRef<HTMLOListElement>(null);
  const move = (step: number): void => {
    const rows = [...(list.current?.querySelectorAll('button') ?? [])];
    const at = rows.indexOf(document.activeElement as HTMLButtonElement);
    rows[Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
  };
  useShortcuts({ j: () => move(1), k: () => move(-1) });
  return list;
}
