import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../core/errors.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** Of the build's own making: no folder, no dot in front, so nothing outside can be named. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}$/;

/** The page: its own files and its own server only, nothing inline. */
const PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export interface StaticFile {
  /** Where it is, inside `dist`. */
  path: string;
  /** Its name has a hash of its content. */
  immutable: boolean;
}

/** @throws NOT_FOUND for a name that cannot be one of the build's files */
export function checkName(name: string): string {
  if (!NAME.test(name)) throw notThere();
  return name;
}

/**
 * Streams one file of the built page, Brotli-compressed for those who take it.
 * @throws NOT_FOUND when there is no such file
 */
export async function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  folder: string,
  { path, immutable }: StaticFile,
): Promise<FastifyReply> {
  const type = TYPES[extname(path)];
  if (type === undefined) throw notThere();
  const plain = join(folder, path);
  const packed = takesBrotli(request) ? await sizeOf(`${plain}.br`) : null;
  const file = packed ?? (await sizeOf(plain));
  if (file === null) throw notThere();
  const etag = `"${file.size.toString(36)}-${Math.floor(file.mtimeMs).toString(36)}"`;
  reply.headers({
    'content-type': type,
    'content-security-policy': PAGE_CSP,
    'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    vary: 'accept-encoding',
    etag,
  });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  if (packed !== null) reply.header('content-encoding', 'br');
  reply.header('content-length', file.size);
  if (request.method === 'HEAD') return reply.send();
  return reply.send(createReadStream(packed === null ? plain : `${plain}.br`));
}

function takesBrotli(request: FastifyRequest): boolean {
  return /(^|,)\s*br\s*(,|$)/.test(String(request.headers['accept-encoding'] ?? ''));
}

async function sizeOf(path: string): Promise<{ size: number; mtimeMs: number } | null> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() ? found : null;
}

function notThere(): DomainError {
  return new DomainError('NOT_FOUND', 'There is nothing at this path.');
}
