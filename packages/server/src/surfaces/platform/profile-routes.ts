import { profileSchema, updateProfileSchema } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { getProfile, updateProfile } from '../../core/profile/index.ts';
import { ifMatchHeaders } from '../shared/etag.ts';
import { defineRoute } from '../shared/route.ts';
import { ok, okBody } from '../shared/schema.ts';

const base = { tags: ['profile'], auth: 'required', url: '/api/v1/profile' } as const;

/** `/api/v1/profile`: what users say of themselves, the same in all their teams. */
export function addProfileRoutes(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    operationId: 'getProfile',
    summary: 'Get your profile',
    description: 'Of the logged-in user; a key has none (403).',
    response: { 200: ok(profileSchema) },
    handler: async (ctx) => okBody(await getProfile(ctx)),
  });
  defineRoute(app, {
    ...base,
    method: 'PATCH',
    operationId: 'updateProfile',
    summary: 'Change your profile',
    description:
      'Whatever your role. Of `notifications` only the given ones change; mails about the safety of the ' +
      'account cannot be switched off.',
    headers: ifMatchHeaders,
    body: updateProfileSchema,
    response: { 200: ok(profileSchema) },
    handler: async (ctx, { body }) => okBody(await updateProfile(ctx, body)),
  });
}
