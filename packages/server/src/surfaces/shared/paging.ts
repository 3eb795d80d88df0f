import type { Page } from '@holdfast/protocol';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { PageCursors } from './page-cursor.ts';
import { documentAs, pageBody, pageQuery } from './schema.ts';

const sealedCursor = documentAs(
  z
    .string()
    .min(1)
    .max(512)
    .regex(/^[\w-]+$/, 'is not one that this server gave')
    .optional(),
  { type: 'string', maxLength: 512, description: 'The `next_cursor` of the page before; opaque.' },
);

const includeTotal = documentAs(
  z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional(),
  {
    type: 'boolean',
    description: '`true` counts every row, however many; `false` none. By default up to 1000 are counted.',
  },
);

/**
 * Query of lists that are paged by id, newest first. In handlers `cursor` is the position itself:
 * the route opens what the caller gave and seals the `next_cursor` of the answer.
 */
export const idPageQuery = { limit: pageQuery.limit, cursor: sealedCursor, include_total: includeTotal };

interface IdPageQuery {
  limit: number;
  cursor?: string;
  include_total?: boolean;
}

export function toPageQuery({ limit, cursor, include_total }: IdPageQuery) {
  return { limit, after: cursor, include_total };
}

export function pageReply<T>({ items, limit, next_cursor, total }: Page<T>) {
  return pageBody(items, limit, next_cursor, total);
}

/** Whether the list's cursors are sealed. */
export function isPaged(query: z.ZodType | undefined): boolean {
  return query instanceof z.ZodObject && query.shape.cursor === sealedCursor;
}

type Query = Record<string, unknown>;

/** Every filter counts, path parameters too; size and counting may change from page to page. */
function scopeOf(request: FastifyRequest, url: string, params: unknown, query: Query): unknown[] {
  const { limit: _, cursor: __, include_total: ___, ...filters } = query;
  const sorted = Object.entries(filters)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return [request.principal?.tenantId ?? null, url, params ?? null, sorted];
}

/** Opens the cursor of a parsed query in its place. @throws VALIDATION_ERROR naming `cursor` */
export function openCursor(
  cursors: PageCursors,
  request: FastifyRequest,
  url: string,
  input: { params: unknown; query: unknown },
): void {
  const query = input.query as Query;
  if (typeof query.cursor !== 'string') return;
  query.cursor = cursors.open(query.cursor, scopeOf(request, url, input.params, query));
}

interface Listed {
  pagination?: { next_cursor: string | null };
  page?: { next_cursor: string | null };
  links?: { self: string; next: string | null };
}

/** Seals the `next_cursor` of a list's answer and, if asked to, adds links to it and its next page. */
export function sealCursor(
  cursors: PageCursors,
  request: FastifyRequest,
  url: string,
  input: { params: unknown; query: unknown },
  answer: unknown,
  withLinks: boolean,
): void {
  const listed = answer as Listed;
  const place = listed.pagination ?? listed.page;
  if (place === undefined) return;
  if (place.next_cursor !== null) {
    const scope = scopeOf(request, url, input.params, input.query as Query);
    place.next_cursor = cursors.seal(place.next_cursor, scope);
  }
  if (withLinks) listed.links = { self: request.url, next: nextUrl(request.url, place.next_cursor) };
}

function nextUrl(url: string, cursor: string | null): string | null {
  if (cursor === null) return null;
  const [path = '', query = ''] = url.split('?', 2);
  const params = new URLSearchParams(query);
  params.set('cursor', cursor);
  return `${path}?${params.toString()}`;
}
