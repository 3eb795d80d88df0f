import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { DomainError } from '../../core/errors.ts';
import { errorHeaders, toErrorAnswer } from './error-body.ts';
import { pathOf, pickRequestId } from './request-id.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

interface Refusal {
  status: number;
  error: DomainError;
}

function refusalOf(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return { status: 431, error: new DomainError('INVALID_REQUEST', 'The request headers are too large.') };
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return { status: 413, error: new DomainError('PAYLOAD_TOO_LARGE') };
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { status: 408, error: new DomainError('INVALID_REQUEST', 'The request did not arrive in time.') };
  }
  return { status: 400, error: new DomainError('INVALID_REQUEST', 'The request is not valid HTTP.') };
}

function renderAnswer(error: unknown, place: { path: string; requestId: string }, status?: number) {
  const answer = toErrorAnswer(error, { ...place, now: Date.now() }, status);
  const body = JSON.stringify(answer.body);
  const headers = {
    ...SECURITY_HEADERS,
    ...errorHeaders(answer.body),
    'x-request-id': place.requestId,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  return { status: answer.status, headers, body };
}

/** Answers on a bare socket, where no HTTP response exists, and closes it. */
export function refuseOnSocket(
  socket: Duplex,
  error: unknown,
  place: { path: string; requestId: string },
  status?: number,
) {
  if (!socket.writable) return void socket.destroy();
  const answer = renderAnswer(error, place, status);
  const head = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\n${head.join('')}\r\n${answer.body}`,
  );
}

/** For what Node's parser could not read as a request: the same error body, with a fresh request id. */
export function handleClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET') return void socket.destroy();
  const refusal = refusalOf(error.code);
  refuseOnSocket(socket, refusal.error, { path: '', requestId: randomUUID() }, refusal.status);
}

/** For an `Expect` header other than 100-continue, which never reaches the router. */
export function handleExpectation(request: IncomingMessage, response: ServerResponse): void {
  const error = new DomainError('INVALID_REQUEST', 'This expectation cannot be met.');
  const place = { path: pathOf(request.url ?? ''), requestId: pickRequestId(request) };
  const answer = renderAnswer(error, place, 417);
  response.writeHead(answer.status, answer.headers).end(answer.body);
}
