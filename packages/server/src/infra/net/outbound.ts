import type { Agent, Response } from 'undici';
import { DomainError, invalid } from '../../core/errors.ts';
import type { Outbound, OutboundRequest, OutboundResponse } from '../../core/ports.ts';
import { assertPublicHost, publicLookup, UnreachableError, type LookupAll } from './public-address.ts';

export interface OutboundOptions {
  /** Hosts (`name`, `name:port`, `[::1]:port`) that may be reached although they are private; true for all. */
  allowPrivate?: readonly string[] | boolean;
  /** In place of the system's resolver. */
  lookup?: LookupAll;
}

const MAX_HEADER_BYTES = 32 * 1024;

/** Nothing is loaded before it is used. */
export function createOutbound(options: OutboundOptions = {}): Outbound {
  return {
    check: checkUrl,
    async send(url, request) {
      try {
        return await send(checkUrl(url.href), request, options);
      } catch (error) {
        request.signal.throwIfAborted();
        if (error instanceof DomainError) throw error;
        throw new DomainError('EXTERNAL_SERVICE_ERROR', new UnreachableError().message, { cause: error });
      }
    },
  };
}

function checkUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (!url || !/^https?:$/.test(url.protocol))
    throw invalid('url', 'must be an absolute http or https address');
  if (url.username !== '' || url.password !== '')
    throw invalid('url', 'must not carry a user name or password');
  url.hash = '';
  return url;
}

function isAllowed(url: URL, { allowPrivate = false }: OutboundOptions): boolean {
  if (typeof allowPrivate === 'boolean') return allowPrivate;
  return allowPrivate.includes(url.host) || allowPrivate.includes(url.hostname);
}

async function send(
  url: URL,
  { method = 'GET', headers = {}, body, signal }: OutboundRequest,
  options: OutboundOptions,
): Promise<OutboundResponse> {
  const allowed = isAllowed(url, options);
  if (!allowed) assertPublicHost(url);
  const undici = await import('undici');
  // A plain Agent takes no notice of proxy variables.
  const agent = new undici.Agent({
    connect: allowed ? {} : { lookup: publicLookup(options.lookup) },
    maxHeaderSize: MAX_HEADER_BYTES,
  });
  try {
    const init = { method, headers: { ...headers }, body, signal, redirect: 'manual' } as const;
    return toOutbound(await undici.fetch(url, { ...init, dispatcher: agent }), agent);
  } catch (error) {
    await agent.destroy();
    throw error;
  }
}

function toOutbound(response: Response, agent: Agent): OutboundResponse {
  return {
    status: response.status,
    header: (name) => response.headers.get(name),
    body: (response.body ?? []) as AsyncIterable<Uint8Array>,
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}
