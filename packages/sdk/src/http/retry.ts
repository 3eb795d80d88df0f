import { HoldfastError } from '../errors.ts';

export interface RetryOptions {
  /** How often a call is tried in all. Default 6, which takes about six seconds. */
  attempts?: number;
  /** Longest first pause, milliseconds; later ones double. Default 200. */
  baseMs?: number;
}

export const DEFAULT_RETRY: Required<RetryOptions> = { attempts: 6, baseMs: 200 };

const LONGEST_PAUSE_MS = 10_000;
/** A server that asks for more patience than this is not waited for. */
const MAX_RETRY_AFTER_SECONDS = 60;
const PASSING: ReadonlySet<number> = new Set([0, 408, 429, 502, 503, 504]);

/** Whether the same request may well succeed later. */
export function isPassing(error: unknown): error is HoldfastError {
  if (!(error instanceof HoldfastError)) return false;
  if (error.retryAfter !== null && error.retryAfter > MAX_RETRY_AFTER_SECONDS) return false;
  const unreadable = error.code === 'UNEXPECTED_REPLY' && error.status < 300;
  // The first attempt of this very call, cut off from its answer, is still being worked on.
  if (error.code === 'IDEMPOTENCY_IN_FLIGHT') return true;
  return unreadable || (PASSING.has(error.status) && error.code !== 'QUOTA_EXCEEDED');
}

/**
 * Pause before the next attempt, milliseconds: doubling and jittered, at least what the server asked for.
 * @param failures how many attempts have failed so far, at least 1
 */
export function pauseAfter(
  failures: number,
  baseMs: number,
  retryAfterSeconds: number | null = null,
  random = Math.random(),
): number {
  const longest = Math.min(LONGEST_PAUSE_MS, baseMs * 2 ** Math.min(failures - 1, 16));
  return (retryAfterSeconds ?? 0) * 1000 + longest * (0.5 + random / 2);
}

/** Resolves after `ms`, or rejects with the reason of `signal`. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
