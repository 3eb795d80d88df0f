import {
  acceptedInvitationSchema,
  invitationSchema,
  invitationViewSchema,
  teamMemberSchema,
  teamSchema,
  type acceptInvitationSchema,
  type AcceptedInvitation,
  type createInvitationSchema,
  type createTeamSchema,
  type Invitation,
  type InvitationView,
  type Page,
  type Team,
  type TeamMember,
  type TeamRole,
  type UpdateTeam,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, pageOf } from '../http/reply.ts';

const team = dataOf(teamSchema);
const teams = pageOf<Team>(teamSchema);
const member = dataOf(teamMemberSchema);
const members = pageOf<TeamMember>(teamMemberSchema);
const invitation = dataOf(invitationSchema);
const invitations = pageOf<Invitation>(invitationSchema);
const view = dataOf(invitationViewSchema);
const accepted = dataOf(acceptedInvitationSchema);

/** `client.teams`. What a user may do depends on their role in that team. */
export class TeamsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** The caller owns it. Needs a user's token, as everything here that changes members does. */
  create(input: InputOf<typeof createTeamSchema>, options?: CallOptions): Promise<Team> {
    const path = pathOf`/teams`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: team, once: true });
  }

  /** Those the caller is in. */
  list(page: PageOptions = {}, options?: CallOptions): Promise<Page<Team>> {
    const query = { ...page };
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/teams`, query, schema: teams });
  }

  get(id: string, options?: CallOptions): Promise<Team> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/teams/${id}`, schema: team });
  }

  update(id: string, input: UpdateTeam, options?: CallOptions): Promise<Team> {
    const path = pathOf`/teams/${id}`;
    return this.#http.call({ ...options, method: 'PATCH', path, json: input, schema: team });
  }

  /** In order of their ids. */
  members(id: string, page: PageOptions = {}, options?: CallOptions): Promise<Page<TeamMember>> {
    const path = pathOf`/teams/${id}/members`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...page }, schema: members });
  }

  setRole(id: string, userId: string, role: TeamRole, options?: CallOptions): Promise<TeamMember> {
    const path = pathOf`/teams/${id}/members/${userId}`;
    return this.#http.call({ ...options, method: 'PATCH', path, json: { role }, schema: member });
  }

  /** Also to leave. */
  removeMember(id: string, userId: string, options?: CallOptions): Promise<TeamMember> {
    const path = pathOf`/teams/${id}/members/${userId}`;
    return this.#http.call({ ...options, method: 'DELETE', path, schema: member });
  }
}

/** `client.invitations` */
export class InvitationsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** Mails a link. An open invitation to the same address is replaced. */
  create(
    teamId: string,
    input: InputOf<typeof createInvitationSchema>,
    options?: CallOptions,
  ): Promise<Invitation> {
    const path = pathOf`/teams/${teamId}/invitations`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: invitation, once: true });
  }

  list(teamId: string, page: PageOptions = {}, options?: CallOptions): Promise<Page<Invitation>> {
    const path = pathOf`/teams/${teamId}/invitations`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...page }, schema: invitations });
  }

  /** It stays listed. */
  revoke(teamId: string, id: string, options?: CallOptions): Promise<Invitation> {
    const path = pathOf`/teams/${teamId}/invitations/${id}`;
    return this.#http.call({ ...options, method: 'DELETE', path, schema: invitation });
  }

  /** Needs no credential. @throws HoldfastError LINK_EXPIRED once it was used, replaced or withdrawn */
  view(token: string, options?: CallOptions): Promise<InvitationView> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/invitations/${token}`, schema: view });
  }

  /** As the logged-in user, or from a client without credential with the name and password of a new account. */
  accept(
    token: string,
    input: InputOf<typeof acceptInvitationSchema> = {},
    options?: CallOptions,
  ): Promise<AcceptedInvitation> {
    const path = pathOf`/invitations/${token}/accept`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: accepted });
  }
}
