import { HoldfastError } from '@holdfast/sdk';

/** What went wrong, for the person who filled in a form. */
export function explain(error: unknown): string {
  if (!(error instanceof HoldfastError)) return error instanceof Error ? error.message : String(error);
  if (error.code === 'RATE_LIMIT')
    return `Too many attempts. Try again in ${formatWait(error.retryAfter ?? 1)}.`;
  if (error.errors.length > 0) return error.errors.map(sentenceOf).join(' ');
  return error.message;
}

/** `current_password`, `is wrong`: Current password is wrong. */
function sentenceOf({ field, message }: { field: string; message: string }): string {
  const words = field.replaceAll(/[._]/g, ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}: ${message}.`;
}

/** `42 s`, `3 min`, `2 h`, rounded up. */
export function formatWait(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
  return `${Math.ceil(seconds / 3600)} h`;
}
