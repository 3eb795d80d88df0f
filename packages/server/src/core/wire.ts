/** ISO 8601 of a database time, or null. */
export function iso(time: Date): string;
export function iso(time: Date | null): string | null;
export function iso(time: Date | null): string | null {
  return time === null ? null : time.toISOString();
}

/** Stored JSON text as a value. */
export function fromJson<T>(text: string): T;
export function fromJson<T>(text: string | null): T | null;
export function fromJson<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}

/** One row too many was asked for: whether there is a next page, and after which id. For `total` see `totalOf`. */
export function pageOf<Row, T>(
  rows: Row[],
  limit: number,
  toItem: (row: Row) => T & { id: string },
  total?: number | null,
): { items: (T & { id: string })[]; limit: number; next_cursor: string | null; total?: number | null } {
  const items = rows.slice(0, limit).map(toItem);
  return { items, limit, next_cursor: rows.length > limit ? items.at(-1)!.id : null, total };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** Whether `id` can be the id of anything; what cannot is answered like an unknown one. */
export function isId(id: string): boolean {
  return UUID.test(id);
}
