import {
  SIGNATURE_HEADER,
  SIGNED_HEADERS_HEADER,
  textToSign,
  TIMESTAMP_HEADER,
  USER_HEADER,
} from '@holdfast/protocol';
import { newClientId } from './http-client.ts';

/** What a service signs with, and the user it speaks for. Never in a browser: its pages show the secret to anybody. */
export interface Signer {
  /** The server's `CHAT_HMAC_SECRET`. */
  secret: string;
  /** The service's own name for the user: 1 to 200 printable ASCII characters without spaces. */
  userId: string;
}

export interface RequestToSign {
  method: string;
  /** Path and query, exactly as they will be sent. */
  target: string;
  body?: string | Uint8Array<ArrayBuffer>;
  /** Further headers to cover, such as `idempotency-key`; names in lower case. */
  headers?: Readonly<Record<string, string>>;
  /** Milliseconds since 1970; default now. */
  now?: number;
}

const NONCE_HEADER = 'x-sheen-nonce';
const encoder = new TextEncoder();

function hex(bytes: ArrayBuffer): string {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * The headers that make a request a signed one. They cover the user and a nonce too, so that no two are alike.
 * A signature is good for one request, within the server's 300 seconds: sign again before each attempt.
 * @returns all headers to send, those of `headers` included
 */
export async function signRequest(
  { secret, userId }: Signer,
  { method, target, body = '', headers = {}, now = Date.now() }: RequestToSign,
): Promise<Record<string, string>> {
  const covered = { [USER_HEADER]: userId, [NONCE_HEADER]: newClientId(), ...headers };
  const bytes = typeof body === 'string' ? encoder.encode(body) : body;
  const timestamp = String(now / 1000);
  const text = textToSign({
    timestamp,
    method: method.toUpperCase(),
    target,
    bodyHash: hex(await crypto.subtle.digest('SHA-256', bytes)),
    headers: Object.entries(covered),
  });
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign']);
  return {
    ...covered,
    [TIMESTAMP_HEADER]: timestamp,
    [SIGNED_HEADERS_HEADER]: Object.keys(covered).join(','),
    [SIGNATURE_HEADER]: hex(await crypto.subtle.sign('HMAC', key, encoder.encode(text))),
  };
}

/**
 * A `fetch` that signs what it sends; for `createClient({ baseUrl, fetch: signedFetch(signer) })`.
 * Bodies must be text or bytes: what is signed has to be known.
 */
export function signedFetch(signer: Signer, send: typeof fetch = globalThis.fetch): typeof fetch {
  return async (input, init = {}) => {
    if (typeof input !== 'string' && !(input instanceof URL)) {
      throw new TypeError('Give the URL and the options: a Request cannot be signed.');
    }
    const { pathname, search } = new URL(input);
    const { method = 'GET', body } = init;
    if (body !== undefined && body !== null && typeof body !== 'string' && !(body instanceof Uint8Array)) {
      throw new TypeError('Only text and bytes can be signed.');
    }
    const headers = new Headers(init.headers);
    const once = headers.get('idempotency-key');
    const signed = await signRequest(signer, {
      method,
      target: pathname + search,
      body: (body ?? undefined) as RequestToSign['body'],
      headers: once === null ? {} : { 'idempotency-key': once },
    });
    for (const [name, value] of Object.entries(signed)) headers.set(name, value);
    return send(input, { ...init, headers });
  };
}
