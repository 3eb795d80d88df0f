import {
  createTeamSchema,
  teamMemberSchema,
  teamSchema,
  updateMemberSchema,
  updateTeamSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  changeMemberRole,
  createTeam,
  getTeam,
  listMembers,
  listTeams,
  removeMember,
  updateTeam,
} from '../../core/team/index.ts';
import { ifMatchHeaders } from '../shared/etag.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page } from '../shared/schema.ts';

// What a user may do in a team depends on their role in that team, which the verbs look up.
const base = { tags: ['teams'], auth: 'required', scope: 'read' } as const;
const team = { team_id: idParam('Team') };
const params = z.object(team);
const memberParams = z.object({ ...team, user_id: z.string() });

/** `/api/v1/teams`: a team is a tenant; who is in it, and what they may do. */
export function addTeamRoutes(app: FastifyInstance): void {
  addTeams(app);
  addMembers(app);
}

function addTeams(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/teams',
    operationId: 'listTeams',
    summary: 'List the teams you are in, newest first',
    description: 'A key is in one team, and has no role there.',
    query: z.strictObject(idPageQuery),
    response: { 200: page(teamSchema) },
    handler: async (ctx, { query }) => pageReply(await listTeams(ctx, toPageQuery(query))),
  });
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/teams',
    operationId: 'createTeam',
    summary: 'Create a team that you own',
    description:
      'It begins with one project. Only a logged-in user can own a team, and at most 20. ' +
      'To work in it, log in to it with `tenant_id`, or switch to it.',
    headers: idempotencyHeaders,
    body: createTeamSchema,
    response: { 201: ok(teamSchema) },
    handler: async (ctx, { body, headers }, reply) =>
      okBody(await createTeam(onceCtx(ctx, headers, reply), body)),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/teams/:team_id',
    operationId: 'getTeam',
    summary: 'Get a team',
    params,
    response: { 200: ok(teamSchema) },
    handler: async (ctx, { params: { team_id } }) => okBody(await getTeam(ctx, team_id)),
  });
  defineRoute(app, {
    ...base,
    method: 'PATCH',
    url: '/api/v1/teams/:team_id',
    operationId: 'updateTeam',
    summary: 'Change a team',
    description:
      'Owners and admins change the name. The tier of any team is changed by the operator: ' +
      'an owner of the team that the first start made.',
    params,
    headers: ifMatchHeaders,
    body: updateTeamSchema,
    response: { 200: ok(teamSchema) },
    handler: async (ctx, { params: { team_id }, body }) => okBody(await updateTeam(ctx, team_id, body)),
  });
}

function addMembers(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/teams/:team_id/members',
    operationId: 'listTeamMembers',
    summary: 'List the members of a team',
    description: 'Every member may look; a key needs the scope `admin`.',
    params,
    query: z.strictObject(idPageQuery),
    response: { 200: page(teamMemberSchema) },
    handler: async (ctx, { params: { team_id }, query }) =>
      pageReply(await listMembers(ctx, team_id, toPageQuery(query))),
  });
  defineRoute(app, {
    ...base,
    method: 'PATCH',
    url: '/api/v1/teams/:team_id/members/:user_id',
    operationId: 'updateTeamMember',
    summary: 'Give a member another role',
    description:
      'For logged-in owners and admins. Only an owner makes or changes owners, and the last one ' +
      'stays one (409). It counts from the next request on.',
    params: memberParams,
    headers: ifMatchHeaders,
    body: updateMemberSchema,
    response: { 200: ok(teamMemberSchema) },
    handler: async (ctx, { params: { team_id, user_id }, body }) =>
      okBody(await changeMemberRole(ctx, { teamId: team_id, userId: user_id }, body)),
  });
  defineRoute(app, {
    ...base,
    method: 'DELETE',
    url: '/api/v1/teams/:team_id/members/:user_id',
    operationId: 'removeTeamMember',
    summary: 'Remove a member, or leave a team',
    description:
      'For logged-in owners and admins; everybody may remove themselves. The last owner stays (409). ' +
      'It counts from the next request on. Keys belong to the team: revoke those the person knew.',
    params: memberParams,
    response: { 200: ok(teamMemberSchema) },
    handler: async (ctx, { params: { team_id, user_id } }) =>
      okBody(await removeMember(ctx, team_id, user_id)),
  });
}
