export { deleteDocument } from './delete.ts';
export { putDocument, type DocumentUpload } from './put.ts';
export type { DocumentScope } from './queries.ts';
export { readDocumentLines, type DocumentLines, type LineRange } from './read-lines.ts';
export { getDocument, listDocuments } from './read.ts';
export { searchDocuments, searchPassages } from './search.ts';
