import { z } from 'zod';
import { idSchema, timestampSchema } from './common.ts';

/** Media types of documents that can be cut into passages and searched. */
export const DOCUMENT_MEDIA_TYPES = ['text/plain', 'text/markdown'] as const;
export type DocumentMediaType = (typeof DOCUMENT_MEDIA_TYPES)[number];

/** Largest document, in bytes of UTF-8. */
export const MAX_DOCUMENT_BYTES = 5 * 1024 * 1024;

/** What PostgreSQL cannot store as text. */
const storable = (text: string): boolean => !text.includes('\0') && text.isWellFormed();
const NOT_STORABLE = 'must be well-formed Unicode without NUL';

/** Unique within a project; may be a path such as `guides/install.md`. */
export const documentNameSchema = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters');

export const documentSchema = z
  .object({
    id: idSchema,
    project_id: idSchema,
    name: z.string(),
    media_type: z.enum(DOCUMENT_MEDIA_TYPES),
    size_bytes: z.int().min(1),
    content_hash: z.string().describe('SHA-256 of the content, hexadecimal.'),
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'Document' });
export type Document = z.infer<typeof documentSchema>;

export const documentContentSchema = documentSchema
  .extend({ content: z.string() })
  .meta({ id: 'DocumentContent' });
export type DocumentContent = z.infer<typeof documentContentSchema>;

export const putDocumentSchema = z.strictObject({
  name: documentNameSchema,
  media_type: z.string().max(200),
  content: z.string().min(1).refine(storable, NOT_STORABLE),
});
export type PutDocument = z.infer<typeof putDocumentSchema>;

export const searchDocumentsSchema = z.strictObject({
  query: z.string().trim().min(1).max(1000).refine(storable, NOT_STORABLE),
  limit: z.coerce.number().int().min(1).max(20).default(8),
});
export type SearchDocuments = z.input<typeof searchDocumentsSchema>;

/** A piece of a document that matches a search. */
export const passageSchema = z
  .object({
    document_id: idSchema,
    document: z.string().describe('Name of the document.'),
    line: z.int().min(1).describe('Line of the document where the text starts.'),
    heading: z.string().describe('Headings above the text, joined by " > "; empty when there is none.'),
    text: z.string(),
    rank: z.number(),
  })
  .meta({ id: 'Passage' });
export type Passage = z.infer<typeof passageSchema>;
