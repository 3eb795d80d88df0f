import { randomUUID } from 'node:crypto';
import { z } from 'zod';

/** JSON text that is already serialised, as JSON columns and log frames are. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Leaves a placeholder that `spliceRawJson` replaces by the text itself. */
  toJSON(): string {
    pending.push(this.text);
    return `${MARK}${pending.length - 1}`;
  }
}

/** Unguessable, so that no stored text can pass for a placeholder. */
const MARK = `raw:${randomUUID()}:`;
const PLACEHOLDER = new RegExp(`"${MARK}(\\d+)"`, 'g');
let pending: string[] = [];

/** Runs one synchronous serialisation and puts the texts of its RawJson values in their places. */
export function spliceRawJson(serialize: () => string): string {
  pending = [];
  try {
    const text = serialize();
    if (pending.length === 0) return text;
    const texts = pending;
    return text.replace(PLACEHOLDER, (_match, index: string) => texts[Number(index)]!);
  } finally {
    pending = [];
  }
}

const documented = new WeakMap<z.core.$ZodType, z.core.$ZodType | Record<string, unknown>>();
const raw = new WeakSet<z.core.$ZodType>();
const notFoundNouns = new WeakMap<z.core.$ZodType, string>();

/**
 * A field of a reply that the handler may give as `new RawJson(text)`: the text is sent as it is,
 * neither parsed nor checked. Documented as `schema`. Use it for JSON columns and log frames.
 */
export function rawJson<T extends z.ZodType>(schema: T): z.ZodType<RawJson | z.output<T>> {
  const field = z.custom<RawJson | z.output<T>>(
    (value) => value instanceof RawJson || schema.safeParse(value).success,
  );
  raw.add(field);
  documented.set(field, schema);
  return field;
}

/** A schema that OpenAPI shows as `shown` instead of what Zod would derive. */
export function documentAs<T extends z.ZodType>(schema: T, shown: Record<string, unknown>): T {
  documented.set(schema, shown);
  return schema;
}

export function documentationOf(
  schema: z.core.$ZodType,
): z.core.$ZodType | Record<string, unknown> | undefined {
  return documented.get(schema);
}

export function isRawJson(schema: z.core.$ZodType): boolean {
  return raw.has(schema);
}

/**
 * A path id. Anything that is not a UUID answers 404 exactly as an unknown id does.
 * @param noun as in "Session not found."
 */
export function idParam(noun: string) {
  const schema = documentAs(z.uuid().toLowerCase(), { type: 'string', format: 'uuid' });
  notFoundNouns.set(schema, noun);
  return schema;
}

/** The noun whose absence a failure of this path parameter means, if it is an id. */
export function notFoundNounOf(schema: z.core.$ZodType | undefined): string | undefined {
  return schema === undefined ? undefined : notFoundNouns.get(schema);
}

/** A whole number in a query or header: plain decimal digits within the bounds. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  const schema = z
    .string()
    .regex(/^\d{1,16}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min).max(max));
  return documentAs(schema, { type: 'integer', minimum: min, maximum: max });
}

/** `{success: true, data}` */
export function ok<T extends z.ZodType>(data: T) {
  return z.object({ success: z.literal(true), data });
}

/** `total` is absent where rows are not counted, null where there are more than are counted unasked. */
export const paginationSchema = z
  .object({
    limit: z.int().min(1),
    next_cursor: z.string().nullable().describe('For the next page; null at the end.'),
    total: z
      .int()
      .min(0)
      .nullable()
      .optional()
      .describe('Rows in all. Null for more than 1000, unless `include_total=true` asks to count them.'),
  })
  .meta({ id: 'Pagination' });

/** Only with the feature flag `list_links`. */
export const listLinksSchema = z
  .object({ self: z.string(), next: z.string().nullable() })
  .meta({
    id: 'ListLinks',
    description: 'Where the feature flag `list_links` is on: this page and the next.',
  })
  .optional();

/** `{success: true, data: [...], pagination: {limit, next_cursor, total?}}`; `next_cursor` null ends. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({
    success: z.literal(true),
    data: z.array(item),
    pagination: paginationSchema,
    links: listLinksSchema,
  });
}

export const pageSizes = { default: 20, max: 100 } as const;

/** Query fields of every paged list; a limit above 100 is refused, not clamped. */
export const pageQuery = {
  limit: documentAs(wholeNumber(1, pageSizes.max).prefault(String(pageSizes.default)), {
    type: 'integer',
    minimum: 1,
    maximum: pageSizes.max,
    default: pageSizes.default,
  }),
  cursor: z.string().min(1).max(1024).optional(),
};

export function okBody<T>(data: T) {
  return { success: true as const, data };
}

export function pageBody<T>(data: T[], limit: number, nextCursor: string | null, total?: number | null) {
  const counted = total === undefined ? {} : { total };
  return { success: true as const, data, pagination: { limit, next_cursor: nextCursor, ...counted } };
}
