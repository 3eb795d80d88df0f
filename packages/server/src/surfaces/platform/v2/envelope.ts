import type { Page } from '@holdfast/protocol';
import { z } from 'zod';
import { listLinksSchema, paginationSchema } from '../../shared/schema.ts';

/** `{data}`: whether a call succeeded is what its status says. */
export function dataOf<T extends z.ZodType>(data: T) {
  return z.object({ data });
}

/** `{data: [...], page: {limit, next_cursor, total?}}` */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), page: paginationSchema, links: listLinksSchema });
}

export function pageReply<T>({ items, limit, next_cursor, total }: Page<T>) {
  return { data: items, page: { limit, next_cursor, ...(total === undefined ? {} : { total }) } };
}
