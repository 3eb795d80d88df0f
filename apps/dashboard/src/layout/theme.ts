import { useSyncExternalStore } from 'react';
import { readStored, writeStored } from '../lib/storage.ts';

export type Theme = 'light' | 'dark';

const KEY = 'holdfast.theme';
const SYSTEM = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

const current = (): Theme => (document.documentElement.dataset['theme'] === 'dark' ? 'dark' : 'light');

function show(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
  for (const listener of listeners) listener();
}

// Until somebody chooses, the page goes with the system.
SYSTEM.addEventListener('change', ({ matches }) => {
  if (readStored('local', KEY) === null) show(matches ? 'dark' : 'light');
});

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
}

/** Switches and remembers the choice on this machine. */
export function toggleTheme(): void {
  const next = current() === 'dark' ? 'light' : 'dark';
  writeStored('local', KEY, next);
  show(next);
}
