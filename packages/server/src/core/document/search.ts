import { searchDocumentsSchema, type Passage, type SearchDocuments } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../context.ts';
import { fetchProject } from '../project/index.ts';
import { selectPassages, type DocumentScope, type FoundPassage } from './queries.ts';

/** `"a phrase"`, `-without` and `or` mean that the words alone are not what is wanted. */
const OPERATORS = /"|(?:^|\s)-\S|\sor\s/i;

/**
 * Passages of a project's documents, best first.
 * @throws FORBIDDEN; NOT_FOUND for the project; VALIDATION_ERROR
 */
export async function searchDocuments(
  ctx: Ctx,
  projectId: string,
  input: SearchDocuments,
): Promise<Passage[]> {
  requireScope(ctx, 'read');
  const { tenantId } = ctx.principal;
  await fetchProject(ctx.db, tenantId, projectId);
  return searchPassages({ db: ctx.db, tenantId, projectId }, input);
}

/**
 * The same for callers already admitted to the project. Passages with every word come first; a plain
 * question is filled up with passages that have some of its words.
 * @throws VALIDATION_ERROR
 */
export async function searchPassages(scope: DocumentScope, input: SearchDocuments): Promise<Passage[]> {
  const { query, limit } = searchDocumentsSchema.parse(input);
  const found = await selectPassages(scope, { query, limit, match: 'all' });
  if (found.length < limit && !OPERATORS.test(query)) {
    const known = new Set(found.map(keyOf));
    const more = await selectPassages(scope, { query, limit, match: 'any' });
    found.push(...more.filter((passage) => !known.has(keyOf(passage))));
  }
  return found.slice(0, limit).map(({ chunk_index: _, ...passage }) => passage);
}

function keyOf({ document_id: id, chunk_index: index }: FoundPassage): string {
  return `${id}:${index}`;
}
