import { ERROR_CODES, errorBodySchema, type ErrorBody, type ErrorCode } from '@holdfast/protocol';
import { expect } from 'vitest';
import { z } from 'zod';
import type { Answer } from './http.ts';

const strictErrorSchema = z.strictObject(errorBodySchema.shape);

/** The `data` of a success, checked against its schema. */
export function dataOf<T>(answer: Answer, schema: z.ZodType<T>, status = 200): T {
  expect({ status: answer.status, body: answer.text }).toMatchObject({ status });
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  return z.strictObject({ success: z.literal(true), data: schema }).parse(answer.json).data;
}

/** Items and cursor of a page. */
export function pageOf<T>(answer: Answer, schema: z.ZodType<T>): { items: T[]; cursor: string | null } {
  expect({ status: answer.status, body: answer.text }).toMatchObject({ status: 200 });
  const page = z
    .object({
      success: z.literal(true),
      data: z.array(schema),
      pagination: z.strictObject({
        limit: z.int(),
        next_cursor: z.string().nullable(),
        total: z.int().nullable().optional(),
      }),
    })
    .parse(answer.json);
  expect(page.data.length).toBeLessThanOrEqual(page.pagination.limit);
  return { items: page.data, cursor: page.pagination.next_cursor };
}

/** The error body of a refusal: the one shape, and in agreement with status and headers. */
export function errorOf(answer: Answer, status?: number, code?: ErrorCode): ErrorBody {
  expect({ status: answer.status, body: answer.text }).toMatchObject({ status: status ?? answer.status });
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  const body = strictErrorSchema.parse(answer.json);
  expect(Object.keys(ERROR_CODES)).toContain(body.code);
  expect(body.statusCode).toBe(answer.status);
  expect(body.request_id).toBe(answer.headers['x-request-id']);
  if (code !== undefined) expect({ code: body.code, body: answer.text }).toMatchObject({ code });
  return body;
}

/** The fields that a VALIDATION_ERROR names. */
export function fieldsOf(answer: Answer): string[] {
  const { errors = [] } = errorOf(answer, 400, 'VALIDATION_ERROR');
  return [...new Set(errors.map(({ field }) => field))].sort();
}
