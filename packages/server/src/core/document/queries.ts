import type { Document, DocumentContent, DocumentMediaType, Passage } from '@holdfast/protocol';
import type { Selectable } from 'kysely';
import { countRows } from '../count-rows.ts';
import { notFound } from '../errors.ts';
import type { Queryable, Statement, Tx } from '../ports.ts';
import type { Tables } from '../tables.ts';
import { isId, iso } from '../wire.ts';
import type { Chunk } from './split.ts';

const COLUMNS = [
  'id',
  'project_id',
  'name',
  'media_type',
  'size_bytes',
  'content_hash',
  'created_at',
  'updated_at',
] as const;
const CHUNKS_PER_STATEMENT = 500;

type Row = Pick<Selectable<Tables['documents']>, (typeof COLUMNS)[number]>;

/** Where documents are looked up: both ids come from an authenticated caller, never from its input alone. */
export interface DocumentScope {
  db: Queryable;
  tenantId: string;
  projectId: string;
}

function toDocument(row: Row): Document {
  return {
    ...row,
    media_type: row.media_type as DocumentMediaType,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
}

/** Locks the row, so that two uploads of one name follow each other. */
export async function findByName(
  tx: Tx,
  scope: Omit<DocumentScope, 'db'>,
  name: string,
): Promise<Document | null> {
  const row = await tx.kysely
    .selectFrom('documents')
    .select(COLUMNS)
    .where('tenant_id', '=', scope.tenantId)
    .where('project_id', '=', scope.projectId)
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirst();
  return row ? toDocument(row) : null;
}

/** Inserts or replaces by name. */
export async function upsertDocument(
  tx: Tx,
  row: Omit<Selectable<Tables['documents']>, 'created_at' | 'updated_at'>,
): Promise<Document> {
  const { media_type, size_bytes, content_hash, content } = row;
  const stored = await tx.kysely
    .insertInto('documents')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'project_id', 'name'])
        .doUpdateSet({ media_type, size_bytes, content_hash, content, updated_at: new Date() }),
    )
    .returning(COLUMNS)
    .executeTakeFirstOrThrow();
  return toDocument(stored);
}

const INSERT_CHUNKS: Statement = {
  name: 'document_chunks_insert',
  text: `insert into document_chunks
      (tenant_id, project_id, document_id, chunk_index, heading, line_start, content)
    select $1, $2, $3, x.chunk_index, x.heading, x.line_start, x.content
    from unnest($4::int[], $5::text[], $6::int[], $7::text[]) x(chunk_index, heading, line_start, content)`,
};

export async function replaceChunks(
  tx: Tx,
  tenantId: string,
  document: Document,
  chunks: readonly Chunk[],
): Promise<void> {
  await tx.kysely
    .deleteFrom('document_chunks')
    .where('tenant_id', '=', tenantId)
    .where('document_id', '=', document.id)
    .execute();
  for (let start = 0; start < chunks.length; start += CHUNKS_PER_STATEMENT) {
    const batch = chunks.slice(start, start + CHUNKS_PER_STATEMENT);
    await tx.query(INSERT_CHUNKS, [
      tenantId,
      document.project_id,
      document.id,
      batch.map((_, index) => start + index),
      batch.map((chunk) => chunk.heading),
      batch.map((chunk) => chunk.line),
      batch.map((chunk) => chunk.text),
    ]);
  }
}

function documentsOf({ db, tenantId, projectId }: DocumentScope) {
  return db.kysely
    .selectFrom('documents')
    .where('tenant_id', '=', tenantId)
    .where('project_id', '=', projectId);
}

export function countDocuments(scope: DocumentScope, include: boolean | undefined) {
  return countRows(scope.db, documentsOf(scope), include);
}

/** Newest first. */
export async function selectDocuments(
  scope: DocumentScope,
  page: { limit: number; after?: string },
): Promise<Document[]> {
  let query = documentsOf(scope).select(COLUMNS);
  if (page.after !== undefined) query = query.where('id', '<', page.after);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map(toDocument);
}

/** Null also for another tenant's. */
export async function findDocument(
  db: Queryable,
  tenantId: string,
  id: string,
): Promise<DocumentContent | null> {
  if (!isId(id)) return null;
  const row = await db.kysely
    .selectFrom('documents')
    .select([...COLUMNS, 'content'])
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ? { ...toDocument(row), content: row.content } : null;
}

/** @throws NOT_FOUND, also for another tenant's */
export async function fetchDocument(db: Queryable, tenantId: string, id: string): Promise<DocumentContent> {
  const document = await findDocument(db, tenantId, id);
  if (!document) throw notFound('Document');
  return document;
}

/** @returns what is gone. @throws NOT_FOUND, also for another tenant's */
export async function removeDocument(db: Queryable, tenantId: string, id: string): Promise<Document> {
  if (!isId(id)) throw notFound('Document');
  const row = await db.kysely
    .deleteFrom('documents')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning(COLUMNS)
    .executeTakeFirst();
  if (row === undefined) throw notFound('Document');
  return toDocument(row);
}

const NAMED_LIKE: Statement = {
  name: 'documents_named_like',
  text: `select id, name from documents
    where tenant_id = $1 and project_id = $2
      and (name = $3 or lower(name) = lower($3) or right(lower(name), length($3) + 1) = '/' || lower($3))
    order by (name = $3) desc, name limit 4`,
};

/** Documents called so, or so but for case, or so in some folder; an exact match comes first. */
export function selectNamedLike(scope: DocumentScope, name: string): Promise<{ id: string; name: string }[]> {
  return scope.db.query(NAMED_LIKE, [scope.tenantId, scope.projectId, name]);
}

function searchSql(name: string, query: string): Statement {
  return {
    name,
    text: `with q as materialized (${query})
      select c.document_id, d.name as document, c.line_start as line, c.heading, c.content as text,
        ts_rank_cd(c.tsv, q.q, 1) as rank, c.chunk_index
      from q, document_chunks c
      join documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
      where c.tenant_id = $1 and c.project_id = $2 and c.tsv @@ q.q
      order by rank desc, c.document_id, c.chunk_index
      limit $4`,
  };
}

const SEARCH_ALL = searchSql(
  'document_search_all',
  `select websearch_to_tsquery('english', $3) || websearch_to_tsquery('simple', $3) as q`,
);
// Stop words alone find nothing here: with them, some of a question's words would be in every passage.
const SEARCH_ANY = searchSql(
  'document_search_any',
  `select replace(plainto_tsquery('english', $3)::text, ' & ', ' | ')::tsquery as q`,
);

export type FoundPassage = Passage & { chunk_index: number };

/** Best first. `all`: every word (web search syntax); `any`: at least one word. */
export function selectPassages(
  scope: DocumentScope,
  { query, limit, match }: { query: string; limit: number; match: 'all' | 'any' },
): Promise<FoundPassage[]> {
  const statement = match === 'all' ? SEARCH_ALL : SEARCH_ANY;
  return scope.db.query<FoundPassage>(statement, [scope.tenantId, scope.projectId, query, limit]);
}
