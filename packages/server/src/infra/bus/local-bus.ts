import type { Bus, Unsubscribe } from '../../core/ports.ts';

/** The bus of a single server: hints reach only this process. */
export function createLocalBus(): Bus {
  const handlers = new Map<string, Set<(payload: string) => void>>();
  return {
    publish(topic, payload) {
      const listening = handlers.get(topic);
      if (listening === undefined) return;
      // A publisher must not run its followers' work, nor see their errors.
      queueMicrotask(() => {
        for (const handler of listening) runHandler(handler, payload);
      });
    },
    subscribe(topic, handler): Promise<Unsubscribe> {
      const set = handlers.get(topic) ?? new Set();
      // The same function may listen twice; each subscription ends on its own.
      const own = (payload: string): void => handler(payload);
      handlers.set(topic, set.add(own));
      return Promise.resolve(() => {
        set.delete(own);
        if (set.size === 0 && handlers.get(topic) === set) handlers.delete(topic);
      });
    },
    onGap: () => () => {},
    state: () => 'local',
    close: () => Promise.resolve(handlers.clear()),
  };
}

function runHandler(handler: (payload: string) => void, payload: string): void {
  try {
    handler(payload);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(String(error)));
  }
}
