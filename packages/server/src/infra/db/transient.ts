/** SQLSTATE of failures after which the same transaction may simply run again. */
const RETRYABLE_STATES = new Set(['40001', '40P01', '55P03']);

/** SQLSTATE of a connection or server that went away (classes 08 and 57P). */
const LOST_STATES = new Set(['57P01', '57P02', '57P03', '53300']);

const LOST_CODES = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/** Whether the connection (not the statement) is what failed. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  if (LOST_STATES.has(code) || LOST_CODES.has(code) || code.startsWith('08')) return true;
  return (
    error instanceof Error &&
    /Connection terminated|Client has encountered a connection error|timeout expired|embedded database has stopped/.test(
      error.message,
    )
  );
}

export function isRetryable(error: unknown): boolean {
  return RETRYABLE_STATES.has(codeOf(error)) || isConnectionLost(error);
}

export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === '23505';
}

/** Pause before attempt `n` (1, 2 ...), milliseconds, jittered. */
export function backoffMs(attempt: number): number {
  return Math.min(1000, 10 * 4 ** (attempt - 1)) * (0.5 + Math.random());
}
