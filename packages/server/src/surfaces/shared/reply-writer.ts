import type { FastifyReply, FastifyRequest } from 'fastify';
import { etagOf, isKnown, versionOf } from './etag.ts';
import { compileReplySerializer, type ReplySerializer } from './reply-serializer.ts';
import type { RouteDoc } from './route-doc.ts';

/** What a cached answer of one caller must not be given to another for. */
const CREDENTIAL_HEADERS = 'authorization, x-api-key, cookie';

/** Serialises the answers of one route and gives them their headers for caches and conditional requests. */
export class ReplyWriter {
  readonly #doc: RouteDoc;
  readonly #check: boolean;
  readonly #statuses: readonly number[];
  readonly #serializers = new Map<number, ReplySerializer>();

  /** @param check validates each answer with its schema, for tests */
  constructor(doc: RouteDoc, check: boolean) {
    this.#doc = doc;
    this.#check = check;
    this.#statuses = Object.keys(doc.response).map(Number);
  }

  write(request: FastifyRequest, reply: FastifyReply, result: unknown): FastifyReply {
    const status = this.#statuses.includes(reply.statusCode) ? reply.statusCode : this.#statuses[0]!;
    reply.code(status);
    this.#setCacheHeaders(reply);
    const schema = this.#doc.response[status];
    if (schema === null || schema === undefined) return reply.send();
    const text = this.#serialize(status, result);
    const etag = this.#isTagged(status) ? etagOf(text, versionOf(result)) : null;
    if (etag !== null) reply.header('etag', etag);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (reads && etag !== null && isKnown(request.headers['if-none-match'], etag))
      return reply.code(304).send();
    return reply.header('content-type', 'application/json; charset=utf-8').send(text);
  }

  /** The ETag a resource of this route would be answered with, given its wire form. */
  etagOfResource(resource: object): string | null {
    const answer = { success: true, data: resource };
    return etagOf(this.#serialize(this.#statuses[0]!, answer), versionOf(answer));
  }

  #serialize(status: number, result: unknown): string {
    // Compiled at first use: a few milliseconds a schema would slow every start.
    let serialize = this.#serializers.get(status);
    if (serialize === undefined) {
      serialize = compileReplySerializer(this.#doc.response[status]!, this.#check);
      this.#serializers.set(status, serialize);
    }
    return serialize(result);
  }

  #isTagged(status: number): boolean {
    const { method } = this.#doc;
    return status === 201 || (status === 200 && (method === 'GET' || method === 'PATCH' || method === 'PUT'));
  }

  #setCacheHeaders(reply: FastifyReply): void {
    const { auth, cache } = this.#doc;
    if (cache === undefined) {
      if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
      return;
    }
    const { maxAge, staleWhileRevalidate } = cache;
    const stale =
      staleWhileRevalidate === undefined ? '' : `, stale-while-revalidate=${staleWhileRevalidate}`;
    const scope = auth === 'none' ? 'public' : 'private';
    reply.header('cache-control', `${scope}, max-age=${maxAge}${stale}`);
    if (auth === 'required') addVary(reply, CREDENTIAL_HEADERS);
  }
}

/** Adds to the Vary header what others may already have put there. */
export function addVary(reply: FastifyReply, fields: string): void {
  const given = reply.getHeader('vary');
  reply.header('vary', given === undefined ? fields : `${String(given)}, ${fields}`);
}
