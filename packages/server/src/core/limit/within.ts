import type { Clock } from '../ports.ts';

/** Rejects when `work` takes longer. What has arrived but was not read yet, on a busy server, still counts. */
export function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => {
      setImmediate(() => reject(new Error(`No answer within ${ms} ms.`)));
    });
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
