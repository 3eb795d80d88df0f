import { ERROR_CODES, type ErrorBody, type ErrorCode } from '@holdfast/protocol';
import { ERROR_STATUS } from './error-status.ts';
import { toErrorAnswer } from './error-body.ts';
import { DomainError, type ErrorExtras } from '../../core/errors.ts';

/** The code that shows what an answer of this status looks like, and what goes with it. */
const SHOWN: Readonly<Record<number, [ErrorCode, string?, ErrorExtras?]>> = {
  400: [
    'VALIDATION_ERROR',
    'name: is too long',
    {
      details: { field: 'name', reason: 'is too long' },
      errors: [{ field: 'name', message: 'is too long' }],
    },
  ],
  401: ['UNAUTHORIZED'],
  403: ['FORBIDDEN', 'This credential lacks the scope "write".', { details: { required_scope: 'write' } }],
  404: ['NOT_FOUND', 'Project not found.'],
  409: ['RESOURCE_CONFLICT'],
  410: ['CURSOR_GONE'],
  412: ['PRECONDITION_FAILED'],
  413: ['PAYLOAD_TOO_LARGE'],
  415: ['UNSUPPORTED_MEDIA_TYPE', 'The body must be application/json.'],
  422: ['IDEMPOTENCY_MISMATCH'],
  429: ['RATE_LIMIT', undefined, { retryAfter: 17 }],
  500: ['INTERNAL_ERROR'],
  502: ['EXTERNAL_SERVICE_ERROR'],
  503: ['SERVICE_UNAVAILABLE', undefined, { retryAfter: 1 }],
  504: ['TIMEOUT'],
};

const PLACE = {
  path: '/api/v1/projects',
  requestId: '6f1d2c9e-3a4b-4c5d-8e6f-7a8b9c0d1e2f',
  now: Date.UTC(2026, 10, 21, 9, 30),
};

/** Name of the example of a status among the components. */
export function errorExampleName(status: number): string {
  return `Error${status}`;
}

/** Example bodies by component name. */
export function errorExamples(
  statuses: Iterable<number>,
): Record<string, { summary: string; value: ErrorBody }> {
  const examples = [...statuses]
    .sort((a, b) => a - b)
    .map((status) => {
      const [code, message, extras] = SHOWN[status] ?? [codeOf(status)];
      const { body } = toErrorAnswer(new DomainError(code, message, extras), PLACE);
      return [errorExampleName(status), { summary: body.error, value: body }] as const;
    });
  return Object.fromEntries(examples);
}

function codeOf(status: number): ErrorCode {
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];
  return codes.find((code) => ERROR_STATUS[code] === status) ?? 'INVALID_REQUEST';
}

/** Every code with its status and meaning, as a Markdown list. */
export function describeErrorCodes(): string {
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];
  return codes.map((code) => `- \`${code}\` (${ERROR_STATUS[code]}): ${ERROR_CODES[code]}`).join('\n');
}
