import { STATUS_CODES } from 'node:http';
import { ERROR_CODES, type ErrorBody, type ErrorCode } from '@holdfast/protocol';
import { z } from 'zod';
import { DomainError } from '../../core/errors.ts';
import { ERROR_STATUS } from './error-status.ts';
import { validationError, zodFieldErrors } from './field-errors.ts';

export interface ErrorAnswer {
  status: number;
  body: ErrorBody;
}

/** Where an error happened, as its body repeats it. */
export interface ErrorPlace {
  /** URL path without its query: queries may hold credentials. */
  path: string;
  requestId: string;
  /** Milliseconds since 1970. */
  now: number;
}

const BY_LIBRARY_CODE: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_BODY_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_REQ_FILE_TOO_LARGE: 'PAYLOAD_TOO_LARGE',
  FST_PARTS_LIMIT: 'PAYLOAD_TOO_LARGE',
  FST_FILES_LIMIT: 'PAYLOAD_TOO_LARGE',
  FST_FIELDS_LIMIT: 'PAYLOAD_TOO_LARGE',
  FST_ERR_MAX_PARAM_LENGTH: 'NOT_FOUND',
  FST_ERR_NOT_FOUND: 'NOT_FOUND',
};

const CONNECTION_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  '53300',
  '57P01',
  '57P02',
  '57P03',
]);

/** pg throws these without a code. */
const CONNECTION_MESSAGE = /^(Connection terminated|timeout expired|timeout exceeded when trying to connect)/;

/** The failure a caller is told about, whatever was thrown; never carries what an unknown error says. */
export function toDomainError(thrown: unknown): DomainError {
  if (thrown instanceof DomainError) return thrown;
  if (thrown instanceof z.core.$ZodError) return validationError(zodFieldErrors(thrown.issues, 'body'));
  if (!(thrown instanceof Error)) return new DomainError('INTERNAL_ERROR', undefined, { cause: thrown });
  const { code, statusCode } = thrown as Error & { code?: unknown; statusCode?: unknown };
  const name = typeof code === 'string' ? code : '';
  const known = BY_LIBRARY_CODE[name];
  if (known !== undefined) return new DomainError(known, undefined, { cause: thrown });
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new DomainError('INVALID_REQUEST', readableMessage(name, thrown), { cause: thrown });
  }
  if (CONNECTION_CODES.has(name) || name.startsWith('08') || CONNECTION_MESSAGE.test(thrown.message)) {
    return new DomainError('SERVICE_UNAVAILABLE', undefined, { retryAfter: 1, cause: thrown });
  }
  return new DomainError('INTERNAL_ERROR', undefined, { cause: thrown });
}

function readableMessage(code: string, error: Error): string {
  return code.startsWith('FST_ERR') ? error.message : ERROR_CODES.INVALID_REQUEST;
}

/**
 * Serialises any thrown thing to the one error body.
 * @param status replaces the status of the code's table, for protocol-level refusals such as 431
 */
export function toErrorAnswer(thrown: unknown, place: ErrorPlace, status?: number): ErrorAnswer {
  const error = toDomainError(thrown);
  const statusCode = status ?? ERROR_STATUS[error.code];
  const { details, errors, suggestion } = error.extras;
  const retryAfter = error.extras.retryAfter ?? (statusCode === 429 || statusCode === 503 ? 1 : undefined);
  const body: ErrorBody = {
    success: false,
    code: error.code,
    message: error.message,
    statusCode,
    error: STATUS_CODES[statusCode] ?? 'Error',
    ...(details === undefined ? {} : { details }),
    ...(errors === undefined ? {} : { errors }),
    ...(retryAfter === undefined ? {} : { retryAfter: Math.ceil(retryAfter) }),
    ...(suggestion === undefined ? {} : { suggestion }),
    timestamp: new Date(place.now).toISOString(),
    path: place.path,
    request_id: place.requestId,
  };
  return { status: statusCode, body };
}

/** Headers an error answer carries beside its body. */
export function errorHeaders(body: ErrorBody): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  };
  if (body.retryAfter !== undefined) headers['retry-after'] = String(body.retryAfter);
  if (body.statusCode === 401) headers['www-authenticate'] = 'Bearer';
  return headers;
}
