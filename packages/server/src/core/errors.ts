import { ERROR_CODES, type ErrorCode, type FieldError } from '@holdfast/protocol';

export interface ErrorExtras {
  details?: Record<string, unknown>;
  errors?: FieldError[];
  /** Seconds. */
  retryAfter?: number;
  suggestion?: string;
  cause?: unknown;
}

/** A failure the caller is told about. Transports map `code` to their own status. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  readonly extras: ErrorExtras;

  constructor(code: ErrorCode, message?: string, extras: ErrorExtras = {}) {
    super(message ?? ERROR_CODES[code], { cause: extras.cause });
    this.code = code;
    this.extras = extras;
  }
}

/** 404 for a thing that is absent or belongs to another tenant: the two look the same. */
export function notFound(noun: string): DomainError {
  return new DomainError('NOT_FOUND', `${noun} not found.`);
}

export function invalid(field: string, message: string): DomainError {
  return new DomainError('VALIDATION_ERROR', `${field}: ${message}`, {
    details: { field, reason: message },
    errors: [{ field, message }],
  });
}
