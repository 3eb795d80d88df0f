import { documentNameSchema } from '@holdfast/protocol';
import { z } from 'zod';
import { readDocumentLines } from '../../core/document/index.ts';
import type { Tool } from '../../core/ports.ts';
import { defineTool } from './define.ts';

const line = z.int().min(1).optional();

const input = z.strictObject({
  name: documentNameSchema.describe('Name or id of the document.'),
  line_start: line.describe('First line, from 1.'),
  line_end: line.describe('Last line, inclusive.'),
});

/** At most 400 lines or 40,000 characters at a time, with the number of lines there are. */
export const readDocument: Tool = defineTool({
  name: 'read_document',
  description: "Reads one of the project's documents, whole or some lines of it.",
  policy: 'retry',
  timeout_ms: 10_000,
  input,
  run: ({ name, ...range }, context) => readDocumentLines(context, { document: name, ...range }),
});
