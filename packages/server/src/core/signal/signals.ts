import type { Bus, Unsubscribe } from '../ports.ts';

export interface SessionKey {
  tenantId: string;
  sessionId: string;
}

type Signal = { ready: SessionKey } | { cancelled: string };

const TOPIC = 'runs';

/**
 * Tells whoever executes runs that there is something to do. Only a hint: what is lost
 * is found by the executors' own poll, or by the fence at their next write.
 */
export class Signals {
  readonly #bus: Bus;
  readonly #ready = new Set<(key: SessionKey) => boolean>();
  readonly #cancelled = new Set<(runId: string) => void>();
  #leave: Unsubscribe = () => {};

  constructor(bus: Bus) {
    this.#bus = bus;
    bus
      .subscribe(TOPIC, (payload) => {
        const signal = JSON.parse(payload) as Signal;
        if ('ready' in signal) this.#tellReady(signal.ready);
        else for (const listener of this.#cancelled) listener(signal.cancelled);
      })
      .then(
        (leave) => (this.#leave = leave),
        () => {},
      );
  }

  /** A session may have a run that can be claimed. Other servers hear of it only if this one is busy. */
  ready(key: SessionKey): void {
    if (!this.#tellReady(key)) this.#bus.publish(TOPIC, JSON.stringify({ ready: key } satisfies Signal));
  }

  /** A run was cancelled: whoever executes it should stop now. */
  cancelled(runId: string): void {
    for (const listener of this.#cancelled) listener(runId);
    this.#bus.publish(TOPIC, JSON.stringify({ cancelled: runId } satisfies Signal));
  }

  /** @param listener answers whether it takes the work */
  onReady(listener: (key: SessionKey) => boolean): Unsubscribe {
    this.#ready.add(listener);
    return () => void this.#ready.delete(listener);
  }

  onCancelled(listener: (runId: string) => void): Unsubscribe {
    this.#cancelled.add(listener);
    return () => void this.#cancelled.delete(listener);
  }

  close(): void {
    this.#leave();
  }

  #tellReady(key: SessionKey): boolean {
    for (const listener of this.#ready) if (listener(key)) return true;
    return false;
  }
}
