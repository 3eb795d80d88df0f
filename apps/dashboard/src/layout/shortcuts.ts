import { useEffect, useRef, useSyncExternalStore } from 'react';
import { readStored, writeStored } from '../lib/storage.ts';

const KEY = 'holdfast.shortcuts';
const SEQUENCE_MS = 1200;

/** What `?` shows. */
export const SHORTCUTS: readonly { keys: string; does: string; where?: string }[] = [
  { keys: '?', does: 'Show this list' },
  { keys: 'g s', does: 'Go to the sessions' },
  { keys: 'g d', does: 'Go to the documents' },
  { keys: 'g t', does: 'Go to the settings' },
  { keys: 't', does: 'Switch between light and dark' },
  { keys: '/', does: 'Search documents, or filter the log' },
  { keys: 'n', does: 'New session', where: 'Sessions' },
  { keys: 'j  k', does: 'Next and previous session; arrow keys too', where: 'Sessions' },
  { keys: 'm', does: 'Write a message', where: 'Session' },
  { keys: 'Enter', does: 'Send; Shift+Enter begins a new line', where: 'Session' },
  { keys: 'l', does: 'Go to the log; arrow keys, Page Up/Down, Home and End move in it', where: 'Session' },
  { keys: 'Esc', does: 'Leave a field, close a window' },
];

const listeners = new Set<() => void>();

/** Single-key shortcuts get in the way of speech input, so they can be turned off. */
export function useShortcutsOn(): [boolean, (on: boolean) => void] {
  const on = useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, areOn);
  return [
    on,
    (next) => {
      writeStored('local', KEY, next ? null : 'off');
      for (const listener of listeners) listener();
    },
  ];
}

const areOn = (): boolean => readStored('local', KEY) !== 'off';

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Runs an action when its key, or its two keys one after the other (`g s`), are pressed outside fields. */
export function useShortcuts(actions: Readonly<Record<string, () => void>>): void {
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    let first = { key: '', at: 0 };
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && isTyping(event.target)) (event.target as HTMLElement).blur();
      if (!areOn() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target) || document.querySelector('[role=dialog]') !== null) return;
      const both = event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ${event.key}` : '';
      const action = latest.current[both] ?? latest.current[event.key];
      first = { key: event.key, at: event.timeStamp };
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}
