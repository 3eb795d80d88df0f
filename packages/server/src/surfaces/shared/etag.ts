import { hash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { IfMatch } from '../../core/precondition.ts';

/** Longer answers are not worth hashing: they are pages of logs, which are read once. */
const MAX_HASHED_LENGTH = 1024 * 1024;

const TAG = '(?:W/)?"[\\x21\\x23-\\x7e\\x80-\\xff]*"';
const TAG_LIST = new RegExp(`^\\s*${TAG}(?:\\s*,\\s*${TAG})*\\s*$`);
const EACH_TAG = new RegExp(TAG, 'g');

/** Header of calls that change something: they are done only if it still is as the caller knows it. */
export const ifMatchHeaders = z.object({
  'if-match': z
    .string()
    .max(1024)
    .refine((value) => value.trim() === '*' || TAG_LIST.test(value), 'must be * or a list of ETags')
    .optional()
    .describe('An ETag, or several, or `*`. If none of them is the current one, the answer is 412.'),
});

/**
 * `"<version>.<hash>"`, or `"<hash>"` of what has no version. The hash changes with every byte of the answer,
 * the version only with what a client can change: a session's counters do not spoil an If-Match.
 * @returns null for answers that get none
 */
export function etagOf(body: string, version: number | null): string | null {
  if (body.length > MAX_HASHED_LENGTH) return null;
  const digest = hash('sha256', body, 'base64url').slice(0, 22);
  return version === null ? `"${digest}"` : `"${version}.${digest}"`;
}

/** The `version` of the resource in an answer `{data}`. */
export function versionOf(answer: unknown): number | null {
  const { data } = (answer ?? {}) as { data?: { version?: unknown } | null };
  const version = data?.version;
  return typeof version === 'number' ? version : null;
}

/**
 * The request's If-Match for the verb that makes the change. Tags are compared strongly, so a weak one never
 * matches; of a tag with a version only that counts. A mismatch puts the current ETag on the answer.
 */
export function ifMatchOf(
  request: FastifyRequest,
  reply: FastifyReply,
  writer: { etagOfResource(resource: object): string | null },
): IfMatch | undefined {
  const header = request.headers['if-match'];
  if (header === undefined) return undefined;
  if (header.trim() === '*') return () => true;
  const tags = (header.match(EACH_TAG) ?? []).filter((tag) => tag.startsWith('"'));
  const wanted = new Set(tags.map(changeable));
  return (current) => {
    const etag = writer.etagOfResource(current);
    if (etag !== null && wanted.has(changeable(etag))) return true;
    if (etag !== null) reply.header('etag', etag);
    return false;
  };
}

/** The part of a tag that changes with what a client can change. */
function changeable(tag: string): string {
  return /^"(\d+)(?:\.[^"]*)?"$/.exec(tag)?.[1] ?? tag;
}

/** Whether If-None-Match names this ETag; compared weakly, as a proxy that compresses makes tags weak. */
export function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return (header.match(EACH_TAG) ?? []).some((tag) => tag.replace(/^W\//, '') === etag);
}
