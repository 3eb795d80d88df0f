import { SIGNED_HEADERS_HEADER, TIMESTAMP_HEADER, USER_HEADER } from '@holdfast/protocol';
import type { FastifyRequest, preParsingHookHandler } from 'fastify';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { DomainError } from '../../core/errors.ts';
import type { SignedRequest } from '../../core/signed-service/index.ts';
import type { RouteDoc } from './route-doc.ts';
import './surface.ts';

const MAX_SIGNED_HEADERS = 10;
const HEADER_NAME = /^[a-z0-9-]{1,64}$/;
const NOTHING = Buffer.alloc(0);

/** The values of a header in the order they came. @param name in lower case */
export function headerValues({ raw }: FastifyRequest, name: string): string[] {
  const { rawHeaders } = raw;
  const values: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toLowerCase() === name) values.push(rawHeaders[at + 1]!);
  }
  return values;
}

function namesOfSignedHeaders(value: string | undefined): string[] {
  if (value === undefined) return [];
  const names = value.split(',').map((name) => name.trim());
  const distinct = new Set(names).size === names.length;
  if (!distinct || names.length > MAX_SIGNED_HEADERS || !names.every((name) => HEADER_NAME.test(name))) {
    throw new DomainError(
      'UNAUTHORIZED',
      `${SIGNED_HEADERS_HEADER} must be at most ${MAX_SIGNED_HEADERS} header names in lower case, none twice.`,
    );
  }
  return names;
}

/** What a signature covers, as it came over the wire. @throws UNAUTHORIZED */
export function readSignedRequest(request: FastifyRequest, signature: string, doc: RouteDoc): SignedRequest {
  const one = (name: string) => headerValues(request, name)[0];
  const headers = namesOfSignedHeaders(one(SIGNED_HEADERS_HEADER)).map(
    (name): [string, string | undefined] => {
      const [value, ...more] = headerValues(request, name);
      if (more.length > 0) throw new DomainError('UNAUTHORIZED', `${name} was sent more than once.`);
      return [name, value];
    },
  );
  return {
    signature,
    timestamp: one(TIMESTAMP_HEADER) ?? '',
    userId: one(USER_HEADER),
    method: request.method,
    target: request.raw.url ?? '',
    headers,
    readBody: () => readBody(request),
    repeatable: (body) => isRepeatable(doc, headers, body),
  };
}

/** Only what the signature covers can vouch for a repeat. */
function isRepeatable(doc: RouteDoc, headers: SignedRequest['headers'], body: Buffer): boolean {
  const once = 'idempotency-key';
  const takesKey = doc.headers instanceof z.ZodObject && once in doc.headers.shape;
  if (takesKey && headers.some(([name]) => name === once)) return true;
  if (doc.onceBy === undefined) return false;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    const field: unknown = (value as Record<string, unknown> | null)?.[doc.onceBy];
    return typeof field === 'string' && field !== '';
  } catch {
    return false;
  }
}

/** The whole body, held for the parser. @throws PAYLOAD_TOO_LARGE beyond the route's limit */
function readBody(request: FastifyRequest): Promise<Buffer> {
  const { raw, headers } = request;
  const length = headers['content-length'];
  const hasBody = headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
  if (request.ws || !hasBody) return Promise.resolve(NOTHING);
  const limit = request.routeOptions.bodyLimit;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  if (Number(length) > limit) return Promise.reject(new DomainError('PAYLOAD_TOO_LARGE'));
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer): void => {
    size += chunk.length;
    chunks.push(chunk);
    if (size <= limit) return;
    // Not destroyed: the refusal still has to go out on this connection.
    raw.off('data', onData);
    reject(new DomainError('PAYLOAD_TOO_LARGE'));
  };
  raw.on('data', onData);
  raw.once('end', () => {
    request.signedBody = Buffer.concat(chunks);
    resolve(request.signedBody);
  });
  raw.once('error', reject);
  raw.once('close', () => reject(new DomainError('INVALID_REQUEST', 'The body broke off.')));
  return promise;
}

/** Gives the parser the body that was already read to check the signature. */
export const replaySignedBody: preParsingHookHandler = (request, _reply, payload, done) => {
  const { signedBody } = request;
  if (signedBody === null) return done(null, payload);
  const again: Readable & { receivedEncodedLength?: number } = Readable.from([signedBody], {
    objectMode: false,
  });
  again.receivedEncodedLength = signedBody.length;
  done(null, again);
};
