import type { Page } from '@holdfast/protocol';
import { z } from 'zod';
import { pageBody, pageQuery } from './schema.ts';

/** Query of lists that are paged by id, newest first. */
export const idPageQuery = { limit: pageQuery.limit, cursor: z.uuid().optional() };

export function toPageQuery({ limit, cursor }: { limit: number; cursor?: string }) {
  return { limit, after: cursor };
}

export function pageReply<T>({ items, limit, next_cursor }: Page<T>) {
  return pageBody(items, limit, next_cursor);
}
