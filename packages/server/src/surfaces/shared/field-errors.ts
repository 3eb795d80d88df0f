import type { FieldError } from '@holdfast/protocol';
import type { z } from 'zod';
import { DomainError } from '../../core/errors.ts';

const MAX_FIELD_ERRORS = 50;

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
  const first = errors[0] ?? { field: 'body', message: 'is not valid' };
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return new DomainError('VALIDATION_ERROR', `${first.field}: ${first.message}${more}`, {
    details: { field: first.field, reason: first.message },
    errors: errors.slice(0, MAX_FIELD_ERRORS),
  });
}
