import { errorCodeSchema, type CloseReason, type ErrorCode, type FieldError } from '@holdfast/protocol';

/** What the server answers with, and two of the client's own: no answer came, or none that can be read. */
export type HoldfastErrorCode = ErrorCode | 'UNREACHABLE' | 'UNEXPECTED_REPLY';

export interface HoldfastErrorInit {
  /** HTTP status; 0 when no answer came. */
  status: number;
  errors?: readonly FieldError[];
  details?: Record<string, unknown>;
  /** Seconds. */
  retryAfter?: number;
  requestId?: string;
  cause?: unknown;
}

/** Every failure of a call or a follow, except for an abort by the caller's own signal. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly code: HoldfastErrorCode;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The invalid fields of a VALIDATION_ERROR. */
  readonly errors: readonly FieldError[];
  readonly details: Readonly<Record<string, unknown>>;
  /** Seconds after which the server asks to be tried again. */
  readonly retryAfter: number | null;
  /** For the server's log; null when no answer came. */
  readonly requestId: string | null;

  constructor(code: HoldfastErrorCode, message: string, init: HoldfastErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = code;
    this.status = init.status;
    this.errors = init.errors ?? [];
    this.details = init.details ?? {};
    this.retryAfter = init.retryAfter ?? null;
    this.requestId = init.requestId ?? null;
  }
}

/** No answer came: what was asked for may or may not have been done. */
export function unreachable(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError('UNREACHABLE', message, { status: 0, cause });
}

/** An answer that no Holdfast server gives, such as a proxy's own page. */
export function unexpectedReply(status: number, what: string, cause?: unknown): HoldfastError {
  return new HoldfastError('UNEXPECTED_REPLY', `HTTP ${status}: ${what}`, { status, cause });
}

const MAX_RETRY_AFTER_SECONDS = 24 * 3600;

/** Reads the one error body; anything else becomes an UNEXPECTED_REPLY. */
export function errorOfAnswer(response: Pick<Response, 'status' | 'headers'>, text: string): HoldfastError {
  const { status, headers } = response;
  const body = parseObject(text);
  const header = Number(headers.get('retry-after') ?? Number.NaN);
  const given = typeof body?.retryAfter === 'number' ? body.retryAfter : header;
  const retryAfter = given >= 0 ? Math.min(given, MAX_RETRY_AFTER_SECONDS) : undefined;
  const requestId = headers.get('x-request-id') ?? undefined;
  const code = errorCodeSchema.safeParse(body?.code);
  if (body === null || !code.success || typeof body.message !== 'string') {
    const message = `HTTP ${status}: the answer is not a Holdfast server's.`;
    return new HoldfastError('UNEXPECTED_REPLY', message, { status, retryAfter, requestId });
  }
  return new HoldfastError(code.data, body.message, {
    status,
    errors: Array.isArray(body.errors) ? (body.errors as FieldError[]) : [],
    details: isObject(body.details) ? body.details : {},
    retryAfter,
    requestId,
  });
}

const BY_REASON: Partial<Record<CloseReason, [code: ErrorCode, status: number, message: string]>> = {
  cursor_gone: ['CURSOR_GONE', 410, 'The log no longer reaches back to this position.'],
  cursor_ahead: ['CURSOR_AHEAD', 409, 'This position is ahead of the log.'],
  session_gone: ['NOT_FOUND', 404, 'The session is gone.'],
  credential_expired: ['UNAUTHORIZED', 401, 'The credential has expired.'],
  credential_revoked: ['UNAUTHORIZED', 401, 'The credential has been revoked.'],
};

/** Null for a reason after which a follow goes on from its last event. */
export function errorOfClose(
  reason: CloseReason,
  details: Record<string, unknown> = {},
): HoldfastError | null {
  const known = BY_REASON[reason];
  if (known === undefined) return null;
  const [code, status, message] = known;
  return new HoldfastError(code, message, { status, details: { ...details, reason } });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
