import type { ColumnType } from 'kysely';

/** JSON text columns: read back as text (the driver does not parse them), written as text. */
export type Json = ColumnType<string, string | undefined, string>;
export type JsonOrNull = ColumnType<string | null, string | null | undefined, string | null>;
export type Time = ColumnType<Date, Date | undefined, Date>;
export type TimeOrNull = ColumnType<Date | null, Date | null | undefined, Date | null>;
export type OrNull<T> = ColumnType<T | null, T | null | undefined, T | null>;
