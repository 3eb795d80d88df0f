import { z } from 'zod';

/** Server-made id (UUID version 7: ids of one kind sort by creation time). */
export const idSchema = z.uuid();

export const timestampSchema = z.iso.datetime().describe('ISO 8601, UTC.');

const MAX_METADATA_BYTES = 16 * 1024;

/** Free-form JSON object of the client's own, at most 16 KB as JSON text. */
export const metadataSchema = z
  .record(z.string().max(200), z.unknown())
  .refine(
    (value) => JSON.stringify(value).length <= MAX_METADATA_BYTES,
    'must be at most 16384 bytes of JSON',
  );

/** Chosen by the client so that sending twice is sending once. */
export const clientIdSchema = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces');

/** Of a resource that can be changed: rises with each change, and begins its ETag. */
export const versionSchema = z.int().min(1).describe('Rises with each change; begins the ETag.');

/** Keyset paging: newest first; `after` is the `next_cursor` of the page before. */
export const pageQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: idSchema.optional(),
  include_total: z
    .boolean()
    .optional()
    .describe('True counts every row, false none; by default up to a limit.'),
});
export type PageQuery = z.infer<typeof pageQuerySchema>;

/** One page of a list. */
export interface Page<T> {
  items: T[];
  limit: number;
  next_cursor: string | null;
  /** Rows in all: null for more than are counted unasked, absent where none are. */
  total?: number | null;
}

const tokensSchema = z.int().min(0).max(100_000_000);

export const usageSchema = z.object({ input_tokens: tokensSchema, output_tokens: tokensSchema });
