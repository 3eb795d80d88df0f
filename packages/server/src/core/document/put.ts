import { createHash } from 'node:crypto';
import {
  DOCUMENT_MEDIA_TYPES,
  MAX_DOCUMENT_BYTES,
  putDocumentSchema,
  type Document,
  type DocumentMediaType,
} from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { auditor, recordAudit } from '../audit/index.ts';
import { requireScope, type Ctx } from '../context.ts';
import { DomainError, invalid } from '../errors.ts';
import { fetchProject } from '../project/index.ts';
import { findByName, replaceChunks, upsertDocument } from './queries.ts';
import { splitDocument } from './split.ts';

export interface DocumentUpload {
  name: string;
  /** `text/plain` or `text/markdown`, with or without `charset=utf-8`. */
  media_type: string;
  /** Text, or its UTF-8 bytes: 1 byte to 5 MB. */
  content: string | Uint8Array;
}

/**
 * Stores a document under its name, replacing an earlier one of that name, and makes it searchable.
 * Uploading the same content again changes nothing.
 * @throws FORBIDDEN; NOT_FOUND for the project; UNSUPPORTED_MEDIA_TYPE; PAYLOAD_TOO_LARGE; VALIDATION_ERROR
 */
export async function putDocument(
  ctx: Ctx,
  projectId: string,
  input: DocumentUpload,
): Promise<{ document: Document; created: boolean }> {
  requireScope(ctx, 'write');
  const mediaType = toMediaType(input.media_type);
  const upload = putDocumentSchema.parse({ ...input, content: toText(input.content) });
  const bytes = Buffer.from(upload.content);
  assertSize(bytes.byteLength);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const chunks = splitDocument(upload.content, mediaType);
  const { tenantId } = ctx.principal;
  return ctx.db.transaction(async (tx) => {
    await fetchProject(tx, tenantId, projectId);
    const before = await findByName(tx, { tenantId, projectId }, upload.name);
    if (before?.content_hash === hash && before.media_type === mediaType) {
      return { document: before, created: false };
    }
    const document = await upsertDocument(tx, {
      tenant_id: tenantId,
      id: newId(),
      project_id: projectId,
      name: upload.name,
      media_type: mediaType,
      size_bytes: bytes.byteLength,
      content_hash: hash,
      content: upload.content,
    });
    await replaceChunks(tx, tenantId, document, chunks);
    await recordAudit(tx, auditor(ctx), {
      action: before === null ? 'document.created' : 'document.updated',
      targets: [{ type: 'document', id: document.id, name: document.name }],
      before: before ?? undefined,
      after: document,
    });
    return { document, created: before === null };
  });
}

function toMediaType(header: string): DocumentMediaType {
  const [type = '', ...parameters] = header
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const known = DOCUMENT_MEDIA_TYPES.find((candidate) => candidate === type);
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  if (known && (!charset || /^charset="?utf-?8"?$/.test(charset))) return known;
  throw new DomainError(
    'UNSUPPORTED_MEDIA_TYPE',
    `Documents must be ${DOCUMENT_MEDIA_TYPES.join(' or ')} in UTF-8.`,
    {
      details: { accepted: DOCUMENT_MEDIA_TYPES },
    },
  );
}

function toText(content: string | Uint8Array): string {
  if (typeof content === 'string') return content;
  assertSize(content.byteLength);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw invalid('content', 'is not valid UTF-8');
  }
}

function assertSize(bytes: number): void {
  if (bytes <= MAX_DOCUMENT_BYTES) return;
  throw new DomainError('PAYLOAD_TOO_LARGE', `A document may have at most ${MAX_DOCUMENT_BYTES} bytes.`, {
    details: { limit_bytes: MAX_DOCUMENT_BYTES },
  });
}
