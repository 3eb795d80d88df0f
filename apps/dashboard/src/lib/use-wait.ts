import { HoldfastError } from '@holdfast/sdk';
import { useEffect, useState } from 'react';

/** Seconds until the server takes another attempt after this error; 0 when it does at once. */
export function useWait(error: unknown): number {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    const isLimit = error instanceof HoldfastError && error.code === 'RATE_LIMIT';
    const end = Date.now() + (isLimit ? (error.retryAfter ?? 0) * 1000 : 0);
    const tick = (): void => setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1000)));
    tick();
    const timer = isLimit ? setInterval(tick, 1000) : undefined;
    return () => clearInterval(timer);
  }, [error]);
  return left;
}
