import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as requestSecure } from 'node:https';
import { target } from './target.ts';

export interface Call {
  method?: string;
  /** Path and query as they go on the wire. */
  path: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  raw?: string | Buffer;
  /** Bearer credential; null sends none. Default: the API key of the suite. */
  token?: string | null;
  timeoutMs?: number;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** undefined when the body is not JSON. */
  json: unknown;
}

const TIMEOUT_MS = 15_000;
const secure = target.url.startsWith('https:');
const agent = secure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });

function headersOf({ headers = {}, body, raw, token = target.apiKey }: Call): Record<string, string> {
  const own: Record<string, string> = {};
  if (token !== null) own['authorization'] = `Bearer ${token}`;
  if (body !== undefined) own['content-type'] = 'application/json';
  const payload = payloadOf({ body, raw });
  if (payload !== undefined && headers['transfer-encoding'] === undefined)
    own['content-length'] = String(Buffer.byteLength(payload));
  return { ...own, ...headers };
}

function payloadOf({ body, raw }: Pick<Call, 'body' | 'raw'>): string | Buffer | undefined {
  return raw ?? (body === undefined ? undefined : JSON.stringify(body));
}

/**
 * Sends a request and resolves with the response once its head is there; the caller reads the body.
 * @param fresh uses a connection of its own, as streams do
 */
export function open(call: Call, fresh = false): Promise<IncomingMessage> {
  const url = new URL(target.url);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const message = (secure ? requestSecure : request)(
    {
      host: url.hostname,
      port: url.port,
      method: call.method ?? 'GET',
      path: call.path,
      headers: headersOf(call),
      agent: fresh ? false : agent,
    },
    resolve,
  );
  const label = `${call.method ?? 'GET'} ${call.path}`;
  message.setTimeout(call.timeoutMs ?? TIMEOUT_MS, () =>
    message.destroy(new Error(`no answer in time: ${label}`)),
  );
  message.on('error', reject);
  message.end(payloadOf(call));
  return promise;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Sends a request and reads the whole answer. @throws when it takes longer than `timeoutMs` */
export const send = (call: Call): Promise<Answer> => open(call).then(readAnswer);

export async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return { status: response.statusCode ?? 0, headers: response.headers, text, json: parseJson(text) };
}

export const get = (path: string, more: Partial<Call> = {}): Promise<Answer> => send({ path, ...more });
export const post = (path: string, body: unknown, more: Partial<Call> = {}): Promise<Answer> =>
  send({ method: 'POST', path, body, ...more });
export const patch = (path: string, body: unknown, more: Partial<Call> = {}): Promise<Answer> =>
  send({ method: 'PATCH', path, body, ...more });
export const remove = (path: string, more: Partial<Call> = {}): Promise<Answer> =>
  send({ method: 'DELETE', path, ...more });
