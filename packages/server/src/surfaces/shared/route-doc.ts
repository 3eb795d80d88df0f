import type { HTTPMethods } from 'fastify';
import type { z } from 'zod';
import type { CredentialKind, Scope } from '../../core/context.ts';

/** What is known of a route apart from its handler; the OpenAPI document is made of these. */
export interface RouteDoc {
  method: HTTPMethods;
  url: string;
  /** Unique; the name of the call in generated clients. */
  operationId: string;
  summary: string;
  description?: string;
  tags: readonly string[];
  auth: 'required' | 'none';
  /** Kinds of credential taken here; others get 401. Default: those of the path's surface (ENTRANCES). */
  accepts?: readonly CredentialKind[];
  /** Field of the body that makes a repeat harmless: with it, a signed request may come twice. */
  onceBy?: string;
  scope?: Scope;
  /** Name of the rate limit policy beside the general ones (core/limit), or `none`: not counted. */
  limit?: string;
  /** `Cache-Control` of the success answer; default `no-store`. Seconds. */
  cache?: { maxAge: number; staleWhileRevalidate?: number };
  /** Announced in `Deprecation`, `Sunset` and `Link`; after the sunset the route answers 410. */
  deprecated?: { since: string; sunset?: string; successor?: string; docs: string };
  params?: z.ZodType;
  query?: z.ZodType;
  headers?: z.ZodType;
  body?: z.ZodType;
  /** Media types of the body; others answer 415. Their parser is registered in the route's scope. */
  consumes?: readonly string[];
  /** Media types of the success answer, when JSON is not the only one. */
  produces?: readonly string[];
  response: Readonly<Record<number, z.ZodType | null>>;
  /** Error statuses beside those that every route of its kind can answer with. */
  fails?: readonly number[];
}
