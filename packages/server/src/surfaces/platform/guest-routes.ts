import { createGuestSessionSchema, guestSessionSchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { endGuest, LIFE_MS, startGuest, type GuestServices } from '../../core/guest/index.ts';
import { setGuestCookie } from '../shared/guest-cookie.ts';
import { defineRoute } from '../shared/route.ts';
import { ok, okBody } from '../shared/schema.ts';

const URL = '/api/v1/guest-sessions';

/** `/api/v1/guest-sessions`: visitors without an account. */
export function addGuestRoutes(app: FastifyInstance, guests: GuestServices): void {
  defineRoute(app, {
    method: 'POST',
    url: URL,
    operationId: 'createGuestSession',
    summary: 'Start a guest session in a project that takes guests',
    description:
      'Shown later by the cookie that the answer sets, or by the headers `X-Session-Id` and `X-Session-Secret`. ' +
      'It ends 24 hours after its last use, and after 30 days at the latest.',
    tags: ['guests'],
    auth: 'none',
    limit: 'guest',
    body: createGuestSessionSchema,
    response: { 201: ok(guestSessionSchema) },
    fails: [404],
    handler: async (_ctx, { body }, reply) => {
      const session = await startGuest(guests, body);
      setGuestCookie(reply, guests.cookies.seal({ id: session.guest_id, secret: session.secret }), LIFE_MS);
      return okBody(session);
    },
  });
  defineRoute(app, {
    method: 'DELETE',
    url: URL,
    operationId: 'endGuestSession',
    summary: 'End the guest session of the caller',
    tags: ['guests'],
    auth: 'required',
    accepts: ['guest'],
    response: { 204: null },
    handler: async (ctx, _input, reply) => {
      await endGuest(ctx);
      setGuestCookie(reply, '', 0);
    },
  });
}
