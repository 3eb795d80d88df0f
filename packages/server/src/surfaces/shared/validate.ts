import type { FieldError } from '@holdfast/protocol';
import { z } from 'zod';
import { notFound } from '../../core/errors.ts';
import { validationError, zodFieldErrors } from './field-errors.ts';
import { isCleanText } from './json-body.ts';
import { notFoundNounOf } from './schema.ts';

/** The parts of a request, by the name their failures carry. */
export interface Sections<T> {
  params: T;
  query: T;
  headers: T;
  body: T;
}

type Name = keyof Sections<unknown>;

export type SectionSchemas = { [K in Name]: z.ZodType | undefined };

const NAMES = ['params', 'query', 'headers', 'body'] as const;

/**
 * Parses every section and reports all failures of all of them at once.
 * @throws NOT_FOUND for a path id that is no id; VALIDATION_ERROR naming each failing field
 */
export function parseSections(schemas: SectionSchemas, given: Sections<unknown>): Sections<unknown> {
  const parsed: Sections<unknown> = {
    params: undefined,
    query: undefined,
    headers: undefined,
    body: undefined,
  };
  let errors: FieldError[] | null = null;
  for (const name of NAMES) {
    const schema = schemas[name];
    if (schema === undefined) continue;
    const result = schema.safeParse(given[name]);
    if (result.success) {
      parsed[name] = result.data;
      continue;
    }
    if (name === 'params') refuseUnknownId(schema, result.error.issues);
    errors = [...(errors ?? []), ...zodFieldErrors(result.error.issues, name)];
  }
  if (errors !== null) throw validationError(errors);
  return parsed;
}

function refuseUnknownId(schema: z.ZodType, issues: readonly z.core.$ZodIssue[]): void {
  if (!(schema instanceof z.ZodObject)) return;
  const shape = schema.shape as Record<string, z.ZodType>;
  for (const issue of issues) {
    const noun = notFoundNounOf(shape[String(issue.path[0])]);
    if (noun !== undefined) throw notFound(noun);
  }
}

/** Refuses NUL in decoded path and query values: no column can store it. */
export function checkUrlTexts(section: unknown): void {
  if (typeof section !== 'object' || section === null) return;
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries(section)) {
    if (typeof value === 'string' && !isCleanText(value)) {
      errors.push({ field: name, message: 'must not contain NUL' });
    }
  }
  if (errors.length > 0) throw validationError(errors);
}
