import {
  auditEntryDetailSchema,
  auditEntrySchema,
  auditKeySchema,
  auditVerificationSchema,
  type AuditChain,
  type AuditEntryDetail,
  type AuditEntryView,
  type auditExportSchema,
  type auditFilterSchema,
  type AuditKey,
  type AuditVerification,
  type Page,
} from '@holdfast/protocol';
import { unexpectedReply } from '../errors.ts';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, pageOf } from '../http/reply.ts';

const one = dataOf(auditEntryDetailSchema);
const many = pageOf<AuditEntryView>(auditEntrySchema);
const verification = dataOf(auditVerificationSchema);
const auditKey = dataOf(auditKeySchema);

/** `client.audit`; needs the scope `admin`. Reading the log is recorded in it. */
export class AuditApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** Newest first, without what each entry changed. */
  list(
    filter: InputOf<typeof auditFilterSchema> & PageOptions = {},
    options?: CallOptions,
  ): Promise<Page<AuditEntryView>> {
    const path = pathOf`/admin/audit-logs`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...filter }, schema: many });
  }

  /** With what it changed. @param chain `system` for what happened before a tenant was known */
  get(id: string, chain?: AuditChain, options?: CallOptions): Promise<AuditEntryDetail> {
    const path = pathOf`/admin/audit-logs/${id}`;
    return this.#http.call({ ...options, method: 'GET', path, query: { chain }, schema: one });
  }

  /** Reads the whole log: give `timeoutMs` of the client room for it. */
  verify(input: { chain?: AuditChain } = {}, options?: CallOptions): Promise<AuditVerification> {
    const path = pathOf`/admin/audit-logs/verify`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: verification });
  }

  /** What signed heads are checked with. */
  publicKey(options?: CallOptions): Promise<AuditKey> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/audit/public-key`, schema: auditKey });
  }

  /**
   * The log as a stream of bytes, oldest first, read as it is taken: JSON lines, or CSV. Cancel it, or abort the
   * signal, to end it early.
   * @throws HoldfastError
   */
  async export(
    filter: InputOf<typeof auditExportSchema> = {},
    { signal }: Pick<CallOptions, 'signal'> = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const given = Object.entries(filter).filter(([, value]) => value !== undefined);
    const query = new URLSearchParams(given as [string, string][]).toString();
    const path = `${pathOf`/admin/audit-logs/export`}${query === '' ? '' : `?${query}`}`;
    const { body, status } = await this.#http.open(path, {}, signal ?? new AbortController().signal);
    if (body === null) throw unexpectedReply(status, 'the answer has no body.');
    return body;
  }
}
