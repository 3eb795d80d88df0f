import type { Page } from '@holdfast/protocol';

/** Of every list: newest first unless said otherwise; `cursor` is the `next_cursor` of the page before. */
export interface PageOptions {
  /** 1 to 100; 20 when left out. */
  limit?: number;
  cursor?: string;
}

/**
 * All items of a list, page by page as they are asked for.
 * `paginate((cursor) => client.sessions.list({ cursor, limit: 100 }))`
 */
export async function* paginate<T>(
  fetchPage: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T, void> {
  let cursor: string | undefined;
  do {
    const { items, next_cursor } = await fetchPage(cursor);
    yield* items;
    cursor = next_cursor ?? undefined;
  } while (cursor !== undefined);
}
