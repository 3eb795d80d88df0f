import { isUtf8 } from 'node:buffer';
import type { FieldError } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { DomainError } from '../../core/errors.ts';
import { validationError } from './field-errors.ts';

export const MAX_JSON_DEPTH = 64;
/** Shorter texts cannot nest deeper than allowed. */
const SHALLOW_LENGTH = 2 * MAX_JSON_DEPTH;

const BAD_TEXT = 'must not contain NUL or lone surrogates';
const BAD_NUMBER = 'is too large for a number';
/** How a short text can spell a number that only infinity could stand for. */
const EXPONENT = /\d[eE]/;

interface Place {
  readonly key: string;
  readonly parent: Place | null;
}

interface Visit {
  readonly value: object;
  readonly place: Place | null;
  readonly depth: number;
}

export function isCleanText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/**
 * Walks a parsed value without recursion.
 * @param checkTexts also looks into every string and key
 * @throws INVALID_REQUEST nested deeper than 64; VALIDATION_ERROR for text PostgreSQL cannot store, and for numbers
 *   that became infinite, which would be stored as null
 */
export function checkJsonValue(root: unknown, checkTexts: boolean): void {
  const errors: FieldError[] = [];
  if (typeof root === 'string' && checkTexts && !isCleanText(root)) {
    errors.push({ field: 'body', message: BAD_TEXT });
  }
  if (isInfinite(root)) errors.push({ field: 'body', message: BAD_NUMBER });
  const stack: Visit[] = isObject(root) ? [{ value: root, place: null, depth: 1 }] : [];
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    if (visit.depth > MAX_JSON_DEPTH) {
      throw new DomainError('INVALID_REQUEST', `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`);
    }
    for (const [key, value] of Object.entries(visit.value)) {
      const place = { key, parent: visit.place };
      if (checkTexts) checkText(key, value, place, errors);
      if (isInfinite(value)) errors.push({ field: pathOfPlace(place), message: BAD_NUMBER });
      if (isObject(value)) stack.push({ value, place, depth: visit.depth + 1 });
    }
  }
  if (errors.length > 0) throw validationError(errors);
}

function checkText(key: string, value: unknown, place: Place, errors: FieldError[]): void {
  if (!isCleanText(key) || (typeof value === 'string' && !isCleanText(value))) {
    errors.push({ field: pathOfPlace(place), message: BAD_TEXT });
  }
}

function isInfinite(value: unknown): boolean {
  return value === Infinity || value === -Infinity;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function pathOfPlace(place: Place): string {
  const keys: string[] = [];
  for (let at: Place | null = place; at !== null; at = at.parent) keys.push(at.key);
  // The path is echoed in the answer, so it must be storable text itself.
  return keys.reverse().join('.').replaceAll('\0', '\uFFFD').toWellFormed();
}

/** Makes application/json the only body type and refuses what the domain could not store. */
export function installJsonParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  // Throws on __proto__ and constructor.prototype keys.
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, raw, done) => {
    const bytes = raw as Buffer;
    if (bytes.length === 0) return done(null, undefined);
    if (!isUtf8(bytes)) return done(new DomainError('INVALID_REQUEST', 'The body is not valid UTF-8.'));
    const text = bytes.toString('utf8');
    void parse(request, text, (error: Error | null, value?: unknown) => {
      if (error !== null) return done(new DomainError('INVALID_REQUEST', 'The body is not acceptable JSON.'));
      const problem = findProblem(text, value);
      if (problem === null) done(null, value);
      else done(problem);
    });
  });
}

function findProblem(text: string, value: unknown): Error | null {
  // Valid UTF-8 can only spell NUL and lone surrogates as \u escapes.
  const checkTexts = text.includes('\\u');
  if (!checkTexts && text.length <= SHALLOW_LENGTH && !EXPONENT.test(text)) return null;
  try {
    checkJsonValue(value, checkTexts);
    return null;
  } catch (error) {
    return error as Error;
  }
}
