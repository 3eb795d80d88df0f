/** What a caller gives for a schema: fields with a default may be left out. */
export type InputOf<S extends { _zod: { input: unknown } }> = S['_zod']['input'];
