/** The provider sent nothing for too long. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
  constructor(ms: number) {
    super(`Nothing was received for ${ms} ms.`);
  }
}

/** The stream ended before the model said that it had finished. */
export class StreamCutError extends Error {
  override readonly name = 'StreamCutError';
}

/** The provider reported a failure inside its stream. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
}

export interface Failure {
  /** Safe to show: never the provider's own text, which may quote parts of a key or a prompt. */
  reason: string;
  retryable: boolean;
  /** Whether it says that the provider is in trouble, rather than that this request is wrong. */
  providerDown: boolean;
  retryAfterMs: number | null;
}

const REQUEST_IS_WRONG = new Set([400, 404, 413, 422]);

/** Reads what the AI SDK and fetch throw, by shape: importing the SDK's classes would load it. */
export function toFailure(error: unknown): Failure {
  if (error instanceof SilenceError) return failure(error.message, { retryable: false });
  if (error instanceof StreamCutError) return failure('the stream was cut', { retryable: true });
  const status = numberField(error, 'statusCode');
  if (status !== null && status >= 400) {
    return {
      reason: `HTTP ${status}`,
      retryable: status === 408 || status === 409 || status === 429 || status >= 500,
      providerDown: !REQUEST_IS_WRONG.has(status),
      retryAfterMs: retryAfter(error),
    };
  }
  const code = systemCode(error);
  return failure(code ? `connection failed (${code})` : 'the provider reported an error', {
    retryable: true,
  });
}

function failure(reason: string, { retryable }: { retryable: boolean }): Failure {
  return { reason, retryable, providerDown: true, retryAfterMs: null };
}

function retryAfter(error: unknown): number | null {
  const headers = field(error, 'responseHeaders');
  const value = field(headers, 'retry-after');
  if (typeof value !== 'string') return null;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}

/** The first system error code (ECONNREFUSED, UND_ERR_SOCKET ...) in the chain of causes. */
function systemCode(error: unknown): string | null {
  let current: unknown = error;
  for (let depth = 0; depth < 5 && current; depth += 1) {
    const code = field(current, 'code');
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code;
    current = field(current, 'cause');
  }
  return null;
}

function numberField(value: unknown, name: string): number | null {
  const found = field(value, name);
  return typeof found === 'number' ? found : null;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
