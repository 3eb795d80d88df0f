import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
  onRequestHookHandler,
  preHandlerAsyncHookHandler,
  preHandlerHookHandler,
} from 'fastify';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { requireScope, type Ctx } from '../../core/context.ts';
import { DomainError, invalid } from '../../core/errors.ts';
import { versionOfPath } from './api-version.ts';
import { createIdentify } from './authenticate-request.ts';
import { clientOf } from './client.ts';
import { acceptsOf } from './entrances.ts';
import { createDeprecationHook } from './deprecation.ts';
import { ifMatchOf } from './etag.ts';
import { isPaged, openCursor, sealCursor } from './paging.ts';
import { limitPlanOf } from './rate-limit-plan.ts';
import { limitPrincipal, limitRefused } from './rate-limit.ts';
import { ReplyWriter } from './reply-writer.ts';
import type { RouteDoc } from './route-doc.ts';
import type { RawJson } from './schema.ts';
import { replaySignedBody } from './signed-request.ts';
import { checkUrlTexts, parseSections } from './validate.ts';
import './surface.ts';

type Schema = z.ZodType | undefined;
type Parsed<S extends Schema> = S extends z.ZodType ? z.output<S> : undefined;
type Reply<R> = { [K in keyof R]: R[K] extends z.ZodType ? z.input<R[K]> : void }[keyof R];

export type Input<P extends Schema, Q extends Schema, B extends Schema, H extends Schema> = {
  params: Parsed<P>;
  query: Parsed<Q>;
  body: Parsed<B>;
  headers: Parsed<H>;
};

/** `principal` is only there on routes with `auth: 'required'`. */
export type RouteCtx<A extends 'required' | 'none'> = A extends 'required' ? Ctx : Omit<Ctx, 'principal'>;

export interface RouteSpec<
  A extends 'required' | 'none',
  P extends Schema,
  Q extends Schema,
  B extends Schema,
  H extends Schema,
  R extends Readonly<Record<number, z.ZodType | null>>,
> extends RouteDoc {
  auth: A;
  /** Bytes. */
  bodyLimit?: number;
  params?: P & z.ZodType;
  query?: Q & z.ZodType;
  body?: B & z.ZodType;
  headers?: H & z.ZodType;
  response: R;
  /**
   * @returns the reply of the status set on `reply` (not needed for 200, or where only one is declared);
   *   RawJson for a whole body already serialised; nothing if the reply was sent or hijacked
   */
  handler(
    ctx: RouteCtx<A>,
    input: Input<P, Q, B, H>,
    reply: FastifyReply,
  ): Promise<Reply<R> | RawJson | void>;
  /** The same path over WebSocket. `prepare` runs before the upgrade, so what it throws is plain HTTP. */
  ws?: {
    prepare(ctx: RouteCtx<A>, input: Input<P, Q, B, H>): Promise<unknown>;
    /** @param prepared what `prepare` resolved with */
    open(socket: WebSocket, request: FastifyRequest, prepared: unknown): void;
  };
}

const NO_FIELDS = z.strictObject({});
const JSON_ONLY: readonly string[] = ['application/json'];

/** Adds one validated, documented route. Unknown fields are refused where schemas are strict objects. */
export function defineRoute<
  A extends 'required' | 'none',
  R extends Readonly<Record<number, z.ZodType | null>>,
  P extends Schema = undefined,
  Q extends Schema = undefined,
  B extends Schema = undefined,
  H extends Schema = undefined,
>(app: FastifyInstance, spec: RouteSpec<A, P, Q, B, H, R>): void {
  const { surface } = app;
  surface.docs.push(spec);
  const writer = new ReplyWriter(spec, surface.checkReplies);
  const contextOf = (request: FastifyRequest) =>
    ({
      ...surface.services,
      principal: request.principal,
      requestId: request.id,
      client: clientOf(request),
    }) as unknown as RouteCtx<A>;
  const inputOf = (request: FastifyRequest) => request.input as Input<P, Q, B, H>;
  const { ws } = spec;
  const paged = isPaged(spec.query);
  const conditional = hasField(spec.headers, 'if-match');
  const prepare: preHandlerAsyncHookHandler = async (request) => {
    if (request.ws) request.prepared = await ws?.prepare(contextOf(request), inputOf(request));
  };
  app.route({
    method: spec.method,
    url: spec.url,
    ...(spec.bodyLimit === undefined ? {} : { bodyLimit: spec.bodyLimit }),
    config: { speaksWebSocket: ws !== undefined, limit: limitPlanOf(spec) },
    onRequest: [
      ...(spec.deprecated === undefined ? [] : [createDeprecationHook(spec.deprecated, surface.clock)]),
      ...createAuthHooks(app, spec),
      createTypeCheck(spec.consumes ?? JSON_ONLY),
    ],
    ...(acceptsOf(spec).includes('service') ? { preParsing: replaySignedBody } : {}),
    preHandler: [createInputHook(app, spec), ...(ws === undefined ? [] : [prepare])],
    handler: async (request, reply) => {
      const ctx = conditional
        ? { ...contextOf(request), ifMatch: ifMatchOf(request, reply, writer) }
        : contextOf(request);
      const result = await spec.handler(ctx, inputOf(request), reply);
      if (reply.sent) return reply;
      if (paged) await sealPage(app, spec.url, request, result);
      return writer.write(request, reply, result);
    },
    ...(ws === undefined
      ? {}
      : {
          wsHandler: (socket: WebSocket, request: FastifyRequest) =>
            ws.open(socket, request, request.prepared),
        }),
  });
}

/** A parser registered for one route's media type serves its whole scope: the others refuse it here. */
function createTypeCheck(accepted: readonly string[]): onRequestHookHandler {
  return (request, _reply, done) => {
    const type = request.headers['content-type'];
    const length = request.headers['content-length'];
    const hasBody =
      request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
    if (!hasBody) return done();
    const coding = request.headers['content-encoding'];
    if (coding !== undefined && coding.trim().toLowerCase() !== 'identity')
      return done(new DomainError('UNSUPPORTED_MEDIA_TYPE', 'The body must not be compressed.'));
    if (type !== undefined && accepted.includes(type.split(';', 1)[0]!.trim().toLowerCase())) return done();
    done(new DomainError('UNSUPPORTED_MEDIA_TYPE', `The body must be ${accepted.join(' or ')}.`));
  };
}

function createAuthHooks(app: FastifyInstance, doc: RouteDoc): onRequestAsyncHookHandler[] {
  if (doc.auth === 'none') return [];
  const { services } = app.surface;
  const identify = createIdentify(app, doc);
  const { scope } = doc;
  return [
    async (request, reply) => {
      const principal = await identify(request).catch((error) => limitRefused(request, reply, error));
      request.principal = principal;
      await limitPrincipal(request, reply);
      if (scope !== undefined) requireScope({ ...services, principal, requestId: request.id }, scope);
    },
  ];
}

function createInputHook(app: FastifyInstance, doc: RouteDoc): preHandlerHookHandler {
  const { params, query = NO_FIELDS, headers, body } = doc;
  const paged = isPaged(query);
  // Ignoring it would make a change that was not asked for.
  const refusesIfMatch = doc.method !== 'GET' && !hasField(headers, 'if-match');
  return (request, _reply, done) => {
    const parsed = parseSections(
      { params, query, headers, body },
      {
        params: request.params,
        query: request.query,
        headers: request.headers,
        body: request.body === undefined ? {} : request.body,
      },
    );
    if (body === undefined) refuseBody(request.body);
    if (refusesIfMatch && request.headers['if-match'] !== undefined)
      throw invalid('if-match', 'is not taken by this call');
    if (request.url.includes('%')) {
      checkUrlTexts(parsed.params);
      checkUrlTexts(parsed.query);
    }
    if (paged) openCursor(app.surface.cursors, request, doc.url, parsed);
    request.input = parsed;
    done();
  };
}

function refuseBody(body: unknown): void {
  if (body === undefined || body === null) return;
  if (typeof body === 'object' && Object.keys(body).length === 0) return;
  throw invalid('body', 'this call takes no body');
}

function hasField(schema: z.ZodType | undefined, name: string): boolean {
  return schema instanceof z.ZodObject && name in schema.shape;
}

async function sealPage(
  app: FastifyInstance,
  url: string,
  request: FastifyRequest,
  answer: unknown,
): Promise<void> {
  const { cursors, flags } = app.surface;
  const version = versionOfPath(url);
  const tenantId = request.principal?.tenantId;
  const withLinks =
    tenantId !== undefined && version !== null && (await flags.isOn(tenantId, version, 'list_links'));
  sealCursor(cursors, request, url, request.input as { params: unknown; query: unknown }, answer, withLinks);
}
