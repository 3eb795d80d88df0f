import type { DocumentContent } from '@holdfast/protocol';
import { invalid, notFound } from '../errors.ts';
import { fetchDocument, findDocument, selectNamedLike, type DocumentScope } from './queries.ts';

const MOST_LINES = 400;
const MOST_CHARS = 40_000;

export interface LineRange {
  /** Id, or name: a wrong case or a missing folder is forgiven where only one document fits. */
  document: string;
  /** From 1. */
  line_start?: number;
  /** Inclusive. */
  line_end?: number;
}

export interface DocumentLines {
  id: string;
  name: string;
  media_type: string;
  line_start: number;
  /** Last line given; 0 lines are never given. */
  line_end: number;
  total_lines: number;
  text: string;
  /** Whether lines of the asked range were left out: at most 400 lines or 40,000 characters are given. */
  truncated: boolean;
}

/**
 * Some lines of a document of the project.
 * @throws NOT_FOUND; VALIDATION_ERROR when the range lies outside the document or several documents fit
 */
export async function readDocumentLines(scope: DocumentScope, input: LineRange): Promise<DocumentLines> {
  const document = await resolve(scope, input.document);
  const lines = document.content.split(/\r\n|\n|\r/);
  const start = input.line_start ?? 1;
  const end = Math.min(input.line_end ?? lines.length, lines.length);
  if (start > lines.length) throw invalid('line_start', `the document has ${lines.length} lines`);
  if (input.line_end !== undefined && input.line_end < start)
    throw invalid('line_end', 'is before line_start');
  const given: string[] = [];
  let size = 0;
  for (const line of lines.slice(start - 1, Math.min(end, start - 1 + MOST_LINES))) {
    if (given.length > 0 && size + line.length > MOST_CHARS) break;
    given.push(line.slice(0, MOST_CHARS).toWellFormed());
    size += line.length + 1;
  }
  const last = start + given.length - 1;
  return {
    id: document.id,
    name: document.name,
    media_type: document.media_type,
    line_start: start,
    line_end: last,
    total_lines: lines.length,
    text: given.join('\n'),
    truncated: last < end || size > MOST_CHARS + given.length,
  };
}

async function resolve(scope: DocumentScope, document: string): Promise<DocumentContent> {
  const byId = await findDocument(scope.db, scope.tenantId, document);
  if (byId?.project_id === scope.projectId) return byId;
  const [first, ...others] = await selectNamedLike(scope, document);
  if (!first) throw notFound(`Document "${document}"`);
  if (first.name !== document && others.length > 0) {
    const names = [first, ...others].map(({ name }) => `"${name}"`).join(', ');
    throw invalid('document', `fits several documents: ${names}`);
  }
  return fetchDocument(scope.db, scope.tenantId, first.id);
}
