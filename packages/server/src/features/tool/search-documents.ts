import { searchDocumentsSchema } from '@holdfast/protocol';
import { z } from 'zod';
import { searchPassages } from '../../core/document/index.ts';
import type { Tool } from '../../core/ports.ts';
import { defineTool } from './define.ts';

const input = z.strictObject({
  query: searchDocumentsSchema.shape.query.describe(
    'A question or a few words; "quoted phrases" and -without work.',
  ),
  limit: z.int().min(1).max(20).default(8).describe('Most passages to return.'),
});

/** Best passage first, each with the document's name and the line where its text starts. */
export const searchDocuments: Tool = defineTool({
  name: 'search_documents',
  description: "Searches the project's documents and returns passages with document name, line and heading.",
  policy: 'retry',
  timeout_ms: 10_000,
  input,
  async run({ query, limit }, context) {
    return { query, passages: await searchPassages(context, { query, limit }) };
  },
});
