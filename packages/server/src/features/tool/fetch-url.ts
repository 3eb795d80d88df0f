import { z } from 'zod';
import { DomainError } from '../../core/errors.ts';
import type { Outbound, OutboundResponse, Tool } from '../../core/ports.ts';
import { capText, defineTool } from './define.ts';
import { readHtml } from './html-text.ts';

export interface FetchOptions {
  outbound: Outbound;
  timeoutMs: number;
}

const MAX_BYTES = 1024 * 1024;
const MAX_CHARS = 40_000;
const MAX_REDIRECTS = 3;
const TEXTUAL = /^(?:text\/|application\/(?:.*\+)?(?:json|xml|javascript|yaml)\b)/;
const HTML = /^(?:text\/html|application\/xhtml\+xml)\b/;

const HEADERS = {
  'user-agent': 'holdfast (fetch_url)',
  accept: 'text/html, text/*, application/json, */*;q=0.1',
};

const input = z.strictObject({
  url: z.string().max(2_000).describe('Absolute http or https address.'),
});

/** GET of a public web page. Private and local addresses are refused at every redirect. */
export function fetchUrl({ outbound, timeoutMs }: FetchOptions): Tool {
  return defineTool({
    name: 'fetch_url',
    description: 'Fetches a public web page or text file with GET and returns its readable text.',
    policy: 'retry',
    timeout_ms: timeoutMs + 2_000,
    input,
    async run({ url }, { signal }) {
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        return await follow(url, outbound, AbortSignal.any([signal, deadline]));
      } catch (error) {
        signal.throwIfAborted();
        if (deadline.aborted) throw new DomainError('TIMEOUT', `No answer within ${timeoutMs} ms.`);
        if (error instanceof DomainError) throw error;
        throw new DomainError('EXTERNAL_SERVICE_ERROR', 'The answer of this address ended too early.');
      }
    },
  });
}

async function follow(start: string, outbound: Outbound, signal: AbortSignal): Promise<object> {
  let url = outbound.check(start);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    await using response = await outbound.send(url, { headers: HEADERS, signal });
    const redirects = response.status >= 300 && response.status < 400;
    const location = redirects ? response.header('location') : null;
    if (location === null) return await toResult(url, response, signal);
    url = outbound.check(location, url);
  }
  throw new DomainError('EXTERNAL_SERVICE_ERROR', `More than ${MAX_REDIRECTS} redirects.`);
}

async function toResult(url: URL, response: OutboundResponse, signal: AbortSignal): Promise<object> {
  const contentType = response.header('content-type')?.toLowerCase() ?? '';
  const base = { url: url.href, status: response.status, content_type: contentType };
  if (contentType !== '' && !TEXTUAL.test(contentType) && !HTML.test(contentType)) {
    return { ...base, title: '', text: '', truncated: false, note: 'Not text: the content is not shown.' };
  }
  const { bytes, cut } = await readBytes(response);
  const raw = decode(bytes, contentType);
  const page = HTML.test(contentType) ? await readHtml(raw, signal) : { title: '', text: raw };
  const { text, truncated } = capText(page.text, MAX_CHARS);
  return { ...base, title: capText(page.title, 300).text, text, truncated: truncated || cut };
}

async function readBytes({ body }: OutboundResponse): Promise<{ bytes: Buffer; cut: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
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
