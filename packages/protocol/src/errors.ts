import { z } from 'zod';

/**
 * Every error code the API can answer with, and its default message.
 * Source: the registry of the browser contract (c.12) plus the platform's own.
 */
export const ERROR_CODES = {
  UNAUTHORIZED: 'Authentication is required.',
  TWO_FACTOR_REQUIRED: 'A second factor is needed to log in.',
  FORBIDDEN: 'This credential may not do that.',
  EMAIL_NOT_VERIFIED: 'The e-mail address has to be verified first.',
  LINK_EXPIRED: 'This link has been used or has expired.',
  VALIDATION_ERROR: 'The request is not valid.',
  INVALID_ACTION_FORMAT: 'The action is not in the action grammar.',
  INVALID_REQUEST: 'The request cannot be read.',
  RATE_LIMIT: 'Too many requests.',
  QUOTA_EXCEEDED: 'The quota is used up.',
  NOT_FOUND: 'Not found.',
  METHOD_NOT_ALLOWED: 'This path does not take that method.',
  SESSION_NOT_FOUND: 'Session not found.',
  TASK_NOT_FOUND: 'Task not found.',
  TASK_COMPLETED: 'The task is already completed.',
  RESOURCE_CONFLICT: 'The request conflicts with the current state.',
  LEASE_LOST: 'The lease is held under another epoch.',
  PRECONDITION_FAILED: 'It was changed by somebody else meanwhile.',
  IDEMPOTENCY_IN_FLIGHT: 'The first request with this idempotency key is still being worked on.',
  IDEMPOTENCY_MISMATCH: 'This idempotency key was used with a different request.',
  PAYLOAD_TOO_LARGE: 'The body is too large.',
  UNSUPPORTED_MEDIA_TYPE: 'This content type is not accepted here.',
  CONNECTION_LIMIT: 'Too many open connections.',
  ROUTE_GONE: 'This route was removed after its announced sunset.',
  SECRET_UNAVAILABLE: 'The secret cannot be used.',
  CURSOR_GONE: 'The log no longer reaches back to this position.',
  CURSOR_AHEAD: 'This position is ahead of the log.',
  INTERNAL_ERROR: 'Something went wrong on the server.',
  LLM_ERROR: 'The language model could not answer.',
  DATABASE_ERROR: 'The database could not answer.',
  EXTERNAL_SERVICE_ERROR: 'An outside service could not answer.',
  SERVICE_UNAVAILABLE: 'The service is not ready to answer.',
  PARSE_ERROR: 'The model output could not be read.',
  MAX_STEPS_EXCEEDED: 'The step budget is used up.',
  TIMEOUT: 'The operation took too long.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export const errorCodeSchema = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]);

/** One invalid field of a request: its dotted path and what is wrong with it. */
export const fieldErrorSchema = z.object({ field: z.string(), message: z.string() });
export type FieldError = z.infer<typeof fieldErrorSchema>;

/** The one error body of every 4xx and 5xx answer. */
export const errorBodySchema = z
  .object({
    success: z.literal(false),
    code: errorCodeSchema,
    message: z.string(),
    statusCode: z.int().min(400).max(599),
    error: z.string().describe('Reason phrase of the HTTP status.'),
    details: z.record(z.string(), z.unknown()).optional(),
    errors: z.array(fieldErrorSchema).optional(),
    retryAfter: z.int().min(0).optional().describe('Seconds.'),
    suggestion: z.string().optional(),
    timestamp: z.iso.datetime(),
    path: z.string(),
    request_id: z.string(),
    debugInfo: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Error' });
export type ErrorBody = z.infer<typeof errorBodySchema>;
