/** A signal of its own that follows another and ends by itself after a time. */
export function linkSignal(parent: AbortSignal | undefined, timeoutMs: number) {
  const controller = new AbortController();
  const follow = (): void => controller.abort(parent!.reason);
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  const disarm = (): void => clearTimeout(timer);
  const release = (): void => {
    disarm();
    parent?.removeEventListener('abort', follow);
  };
  if (parent?.aborted) follow();
  else parent?.addEventListener('abort', follow, { once: true });
  return { signal: controller.signal, disarm, release };
}
