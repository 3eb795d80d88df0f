import type { Page } from '@holdfast/protocol';
import type { Schema } from './answer.ts';

interface Arrayable<T> extends Schema<T> {
  array(): Schema<T[]>;
}

/** `{success, data}` */
export function dataOf<T>(schema: Schema<T>): Schema<T> {
  return { parse: (answer) => schema.parse((answer as { data: unknown }).data) };
}

/** `{success, data: [...], pagination}` */
export function pageOf<T>(schema: Arrayable<T>): Schema<Page<T>> {
  const items = schema.array();
  return {
    parse(answer) {
      const { data, pagination } = answer as { data: unknown; pagination: Omit<Page<T>, 'items'> };
      const { limit, next_cursor, total } = pagination;
      return { items: items.parse(data), limit, next_cursor, ...(total === undefined ? {} : { total }) };
    },
  };
}

/** No body, or none that matters. */
export const nothing: Schema<void> = { parse: () => undefined };
