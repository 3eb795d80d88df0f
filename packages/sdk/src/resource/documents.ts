import {
  documentContentSchema,
  documentSchema,
  passageSchema,
  type Document,
  type DocumentContent,
  type DocumentMediaType,
  type Page,
  type Passage,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, nothing, pageOf } from '../http/reply.ts';

const one = dataOf(documentSchema);
const whole = dataOf(documentContentSchema);
const many = pageOf<Document>(documentSchema);
const passages = dataOf(passageSchema.array());

export interface Upload {
  /** Unique within the project; may be a path such as `guides/install.md`. */
  name: string;
  /** UTF-8, at most 5 MiB. */
  content: string | Uint8Array<ArrayBuffer>;
  /** When left out: Markdown for a name that ends in `.md`, else plain text. */
  mediaType?: DocumentMediaType;
}

/** `client.documents`: texts that agents search and quote. */
export class DocumentsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** The same name again replaces the document. */
  upload(projectId: string, { name, content, mediaType }: Upload, options?: CallOptions): Promise<Document> {
    return this.#http.call({
      ...options,
      method: 'POST',
      path: pathOf`/projects/${projectId}/documents`,
      query: { name },
      raw: { content, mediaType: mediaType ?? (/\.md$/i.test(name) ? 'text/markdown' : 'text/plain') },
      schema: one,
    });
  }

  list(projectId: string, page: PageOptions = {}, options?: CallOptions): Promise<Page<Document>> {
    const path = pathOf`/projects/${projectId}/documents`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...page }, schema: many });
  }

  get(id: string, options?: CallOptions): Promise<DocumentContent> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/documents/${id}`, schema: whole });
  }

  delete(id: string, options?: CallOptions): Promise<void> {
    const path = pathOf`/documents/${id}`;
    const isDone = (code: string): boolean => code === 'NOT_FOUND';
    return this.#http.call({ ...options, method: 'DELETE', path, schema: nothing, isDone });
  }

  /** The passages that match best, best first. @param search `limit` 1 to 50, 5 when left out */
  search(
    projectId: string,
    search: { query: string; limit?: number },
    options?: CallOptions,
  ): Promise<Passage[]> {
    const path = pathOf`/projects/${projectId}/documents/search`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...search }, schema: passages });
  }
}
