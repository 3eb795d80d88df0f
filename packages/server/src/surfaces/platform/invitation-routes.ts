import {
  acceptedInvitationSchema,
  acceptInvitationSchema,
  createInvitationSchema,
  invitationSchema,
  invitationViewSchema,
} from '@holdfast/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AccountParts } from '../../core/account/index.ts';
import type { Principal } from '../../core/context.ts';
import {
  acceptInvitation,
  createInvitation,
  listInvitations,
  revokeInvitation,
  viewInvitation,
} from '../../core/team/index.ts';
import { createIdentify } from '../shared/authenticate-request.ts';
import { readCredential } from '../shared/credentials.ts';
import { idempotencyHeaders, onceCtx } from '../shared/idempotency.ts';
import { idPageQuery, pageReply, toPageQuery } from '../shared/paging.ts';
import type { RouteDoc } from '../shared/route-doc.ts';
import { defineRoute } from '../shared/route.ts';
import { idParam, ok, okBody, page } from '../shared/schema.ts';

// The role in the team counts, which the verbs look up.
const base = { tags: ['teams'], auth: 'required', scope: 'read' } as const;
const team = { team_id: idParam('Team') };
const params = z.object(team);
const tokenParams = z.object({ token: z.string() });

/** Invitations to a team: made by its owners and admins, accepted by whoever got the mail. */
export function addInvitationRoutes(app: FastifyInstance, { accounts, account }: AccountParts): void {
  const allowsNewAccounts = account.registration !== 'closed';
  addManagement(app);
  defineRoute(app, {
    method: 'GET',
    url: '/api/v1/invitations/:token',
    operationId: 'viewInvitation',
    summary: 'See what an invitation is to',
    description:
      'The token is that of the mailed link. 410 once it was used, replaced, withdrawn or is too old.',
    tags: ['teams'],
    auth: 'none',
    params: tokenParams,
    response: { 200: ok(invitationViewSchema) },
    fails: [410],
    handler: async (ctx, { params: { token } }) => okBody(await viewInvitation(ctx, token)),
  });
  const accept = {
    method: 'POST',
    url: '/api/v1/invitations/:token/accept',
    operationId: 'acceptInvitation',
    summary: 'Accept an invitation',
    description:
      'As the logged-in user whose address was invited, with an empty body; or without a credential, with the ' +
      'name and password of the account to make. The link proves the address. It is of use once.',
    tags: ['teams'],
    auth: 'none',
    params: tokenParams,
    body: acceptInvitationSchema,
    response: { 200: ok(acceptedInvitationSchema) },
    fails: [401, 403, 410],
  } as const;
  const identify = createOptionalIdentify(app, { ...accept, accepts: ['user'] });
  defineRoute(app, {
    ...accept,
    handler: async (ctx, { params: { token }, body }, reply) => {
      const principal = await identify(reply.request);
      return okBody(await acceptInvitation({ ...ctx, principal, accounts, allowsNewAccounts }, token, body));
    },
  });
}

/** Who asks, of those who show a credential on purpose; a browser adds a guest's cookie by itself. */
function createOptionalIdentify(
  app: FastifyInstance,
  doc: RouteDoc,
): (request: FastifyRequest) => Promise<Principal | null> {
  const identify = createIdentify(app, doc);
  return async (request) => {
    const shown = readCredential(request, doc);
    return shown === null || shown.source === 'guest-cookie' ? null : identify(request);
  };
}

function addManagement(app: FastifyInstance): void {
  defineRoute(app, {
    ...base,
    method: 'POST',
    url: '/api/v1/teams/:team_id/invitations',
    operationId: 'createInvitation',
    summary: 'Invite somebody to a team',
    description:
      'For logged-in owners and admins; only owners invite owners. A link is mailed, of use once and for ' +
      'seven days. Inviting the same address again replaces the open invitation.',
    params,
    headers: idempotencyHeaders,
    body: createInvitationSchema,
    response: { 201: ok(invitationSchema) },
    handler: async (ctx, { params: { team_id }, body, headers }, reply) =>
      okBody(await createInvitation(onceCtx(ctx, headers, reply), team_id, body)),
  });
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/teams/:team_id/invitations',
    operationId: 'listInvitations',
    summary: 'List the invitations of a team, newest first',
    description: 'For owners and admins, and keys with the scope `admin`.',
    params,
    query: z.strictObject(idPageQuery),
    response: { 200: page(invitationSchema) },
    handler: async (ctx, { params: { team_id }, query }) =>
      pageReply(await listInvitations(ctx, team_id, toPageQuery(query))),
  });
  defineRoute(app, {
    ...base,
    method: 'DELETE',
    url: '/api/v1/teams/:team_id/invitations/:invitation_id',
    operationId: 'revokeInvitation',
    summary: 'Withdraw an invitation; it stays listed',
    params: z.object({ ...team, invitation_id: idParam('Invitation') }),
    response: { 200: ok(invitationSchema) },
    handler: async (ctx, { params: { team_id, invitation_id } }) =>
      okBody(await revokeInvitation(ctx, team_id, invitation_id)),
  });
}
