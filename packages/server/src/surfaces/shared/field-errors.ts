import type { FieldError } from '@holdfast/protocol';
import type { z } from 'zod';
import { DomainError } from '../../core/errors.ts';

const MAX_FIELD_ERRORS = 50;
/** What was sent as a name comes back in the answer: enough of it to be recognised. */
const MAX_FIELD_LENGTH = 200;

/**
 * One entry per failing field, dotted paths.
 * @param root what a failure of the whole value is called: `body`, `query` ...
 */
export function zodFieldErrors(issues: readonly z.core.$ZodIssue[], root: string): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const path = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        field: path === '' ? key : `${path}.${key}`,
        message: 'is not a known field',
      }));
    }
    return [{ field: path === '' ? root : path, message: issue.message }];
  });
}

/** VALIDATION_ERROR naming every failing field (the first 50 of them). */
export function validationError(errors: readonly FieldError[]): DomainError {
  const [first = { field: 'body', message: 'is not valid' }, ...rest] = errors
    .slice(0, MAX_FIELD_ERRORS)
    .map(shorten);
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return new DomainError('VALIDATION_ERROR', `${first.field}: ${first.message}${more}`, {
    details: { field: first.field, reason: first.message },
    errors: errors.length === 0 ? [] : [first, ...rest],
  });
}

function shorten({ field, message }: FieldError): FieldError {
  if (field.length <= MAX_FIELD_LENGTH) return { field, message };
  return { field: `${field.slice(0, MAX_FIELD_LENGTH).toWellFormed()}…`, message };
}
