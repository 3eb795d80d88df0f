import { appendedEventsSchema, appendEventsSchema, logEventSchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { appendEvents } from '../../core/lease/index.ts';
import type { Follower, Sink } from '../../core/log/index.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page, RawJson, wholeNumber } from '../shared/schema.ts';
import { parseLastEventId, streamSse, wantsSse } from '../shared/sse.ts';
import { streamWs } from '../shared/ws.ts';

const base = { tags: ['events'], auth: 'required' } as const;
const params = z.object({ session_id: idParam('Session') });

const query = z.strictObject({
  after: wholeNumber(0).prefault('0').describe('Sequence number after which to begin.'),
  limit: wholeNumber(1, 1000).prefault('100').describe('Of a JSON page; a stream has no end.'),
});

const headers = z.object({
  'last-event-id': z.string().optional().describe('Of a stream: the last id received.'),
});

const eventPageSchema = page(logEventSchema).extend({
  log: z.object({ last_seq: z.int(), min_seq: z.int(), log_epoch: z.string() }),
});

interface Prepared {
  start(sink: Sink): Follower;
}

/** `/api/v1/sessions/:session_id/events`: the log, as a page, over SSE or over WebSocket. */
export function addEventRoutes(app: FastifyInstance): void {
  addFollow(app);
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/sessions/:session_id/events',
    operationId: 'appendEvents',
    summary: "Append a holder's own events, fenced by its lease epoch",
    scope: 'hold',
    params,
    body: appendEventsSchema,
    response: { 201: ok(appendedEventsSchema) },
    handler: async (ctx, { params: { session_id }, body }) =>
      okBody(await appendEvents(ctx, session_id, body)),
  });
}

function addFollow(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/sessions/:session_id/events',
    operationId: 'readEvents',
    summary: 'Read or follow the log',
    description:
      'A JSON page by default. With `Accept: text/event-stream` the log from `after` (or Last-Event-ID, which ' +
      'wins) and then live: `id` is the sequence number; broadcast-only events have no id. The same over ' +
      'WebSocket, one JSON text message an event. A stream that ends says why; resume from the last id.',
    scope: 'read',
    params,
    query,
    headers,
    produces: ['application/json', 'text/event-stream'],
    response: { 200: eventPageSchema },
    fails: [409, 410],
    handler: async (ctx, { params: { session_id }, query: { after, limit } }, reply) => {
      const target = { tenantId: ctx.principal.tenantId, sessionId: session_id };
      const { request } = reply;
      if (wantsSse(request)) {
        const { start } = await ctx.log.hub.open(target, parseLastEventId(request, after));
        streamSse({ request, reply, follow: start, expiresAt: ctx.principal.expiresAt });
        return;
      }
      const { head, frames } = await ctx.log.read(target, after, limit);
      const last = frames.at(-1)?.seq ?? after;
      const next_cursor = last < head.lastSeq ? String(last) : null;
      const log = { last_seq: head.lastSeq, min_seq: head.minSeq, log_epoch: head.epoch };
      return new RawJson(
        `{"success":true,"data":[${frames.map((frame) => frame.json).join(',')}],` +
          `"pagination":${JSON.stringify({ limit, next_cursor })},"log":${JSON.stringify(log)}}`,
      );
    },
    ws: {
      prepare: (ctx, { params: { session_id }, query: { after } }): Promise<Prepared> =>
        ctx.log.hub.open({ tenantId: ctx.principal.tenantId, sessionId: session_id }, after),
      open: (socket, request, prepared) =>
        streamWs({
          request,
          socket,
          follow: (sink) => (prepared as Prepared).start(sink),
          expiresAt: request.principal?.expiresAt ?? null,
        }),
    },
  });
}
