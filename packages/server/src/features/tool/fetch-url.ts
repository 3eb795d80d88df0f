import type { Dispatcher, Response } from 'undici';
import { z } from 'zod';
import { DomainError, invalid } from '../../core/errors.ts';
import type { Tool } from '../../core/ports.ts';
import { capText, defineTool } from './define.ts';
import { readHtml } from './html-text.ts';
import { assertPublicHost, lookupPublic, UnreachableError } from './public-address.ts';

export interface FetchOptions {
  /** Hosts (`name`, `name:port`, `[::1]:port`) that may be fetched although they are private; true for all. */
  allowPrivate: readonly string[] | boolean;
  timeoutMs: number;
}

const MAX_BYTES = 1024 * 1024;
const MAX_CHARS = 40_000;
const MAX_REDIRECTS = 3;
const TEXTUAL = /^(?:text\/|application\/(?:.*\+)?(?:json|xml|javascript|yaml)\b)/;
const HTML = /^(?:text\/html|application\/xhtml\+xml)\b/;

const input = z.strictObject({
  url: z.string().max(2_000).describe('Absolute http or https address.'),
});

/** GET of a public web page. Private and local addresses are refused at every redirect. */
export function fetchUrl(options: FetchOptions): Tool {
  return defineTool({
    name: 'fetch_url',
    description: 'Fetches a public web page or text file with GET and returns its readable text.',
    policy: 'retry',
    timeout_ms: options.timeoutMs + 2_000,
    input,
    async run({ url }, { signal }) {
      const deadline = AbortSignal.timeout(options.timeoutMs);
      try {
        return await follow(parseUrl(url), options, AbortSignal.any([signal, deadline]));
      } catch (error) {
        signal.throwIfAborted();
        if (deadline.aborted) throw new DomainError('TIMEOUT', `No answer within ${options.timeoutMs} ms.`);
        if (error instanceof DomainError) throw error;
        throw new DomainError('EXTERNAL_SERVICE_ERROR', new UnreachableError().message);
      }
    },
  });
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (!url || !/^https?:$/.test(url.protocol))
    throw invalid('url', 'must be an absolute http or https address');
  if (url.username !== '' || url.password !== '')
    throw invalid('url', 'must not carry a user name or password');
  url.hash = '';
  return url;
}

async function follow(start: URL, options: FetchOptions, signal: AbortSignal): Promise<object> {
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    await using opened = await get(url, options, signal);
    const { response } = opened;
    const location =
      response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
    if (location === null) return await toResult(url, response);
    url = parseUrl(location, url);
  }
  throw new DomainError('EXTERNAL_SERVICE_ERROR', `More than ${MAX_REDIRECTS} redirects.`);
}

interface Opened extends AsyncDisposable {
  response: Response;
}

/** One request on a connection of its own; a plain Agent takes no notice of proxy variables. */
async function get(url: URL, options: FetchOptions, signal: AbortSignal): Promise<Opened> {
  const { allowPrivate } = options;
  const allowed = Array.isArray(allowPrivate)
    ? allowPrivate.includes(url.host) || allowPrivate.includes(url.hostname)
    : allowPrivate === true;
  if (!allowed) assertPublicHost(url);
  const { Agent, fetch } = await import('undici');
  const agent: Dispatcher = new Agent({
    connect: { timeout: options.timeoutMs, ...(allowed ? {} : { lookup: lookupPublic }) },
    maxHeaderSize: 32 * 1024,
  });
  try {
    const headers = {
      'user-agent': 'holdfast (fetch_url)',
      accept: 'text/html, text/*, application/json, */*;q=0.1',
    };
    const response = await fetch(url, { dispatcher: agent, redirect: 'manual', headers, signal });
    return { response, [Symbol.asyncDispose]: () => agent.destroy() };
  } catch (error) {
    await agent.destroy();
    throw error;
  }
}

async function toResult(url: URL, response: Response): Promise<object> {
  const contentType = response.headers.get('content-type')?.toLowerCase() ?? '';
  const base = { url: url.href, status: response.status, content_type: contentType };
  if (contentType !== '' && !TEXTUAL.test(contentType) && !HTML.test(contentType)) {
    return { ...base, title: '', text: '', truncated: false, note: 'Not text: the content is not shown.' };
  }
  const { bytes, cut } = await readBytes(response);
  const raw = decode(bytes, contentType);
  const page = HTML.test(contentType) ? await readHtml(raw) : { title: '', text: raw };
  const { text, truncated } = capText(page.text, MAX_CHARS);
  return { ...base, title: capText(page.title, 300).text, text, truncated: truncated || cut };
}

async function readBytes(response: Response): Promise<{ bytes: Buffer; cut: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    size += (chunk as Uint8Array).byteLength;
    if (size > MAX_BYTES) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, MAX_BYTES), cut: size > MAX_BYTES };
}

function decode(bytes: Buffer, contentType: string): string {
  const charset = /charset="?([\w-]+)/.exec(contentType)?.[1] ?? 'utf-8';
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
