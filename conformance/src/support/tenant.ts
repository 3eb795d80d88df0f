import {
  acceptedInvitationSchema,
  emailSchema,
  guestSessionSchema,
  invitationSchema,
  loginReplySchema,
  newApiKeySchema,
} from '@holdfast/protocol';
import { z } from 'zod';
import { logIn, newEmail, PASSWORD, register } from './account.ts';
import { V1 } from './api.ts';
import { dataOf, pageOf } from './expect.ts';
import { get, patch, post, send, type Answer } from './http.ts';

const idSchema = z.object({ id: z.string() });

/** A tenant of the suite's own, with one of everything that a path can name, each made when it is asked for. */
export class Tenant {
  readonly id: string;
  readonly ownerId: string;
  /** Of its owner. */
  readonly token: string;
  readonly #made = new Map<string, Promise<string>>();

  private constructor(id: string, ownerId: string, token: string) {
    this.id = id;
    this.ownerId = ownerId;
    this.token = token;
  }

  static async register(): Promise<Tenant> {
    const { login } = await register();
    return new Tenant(login.tenantId, login.user.id, login.accessToken);
  }

  /** The tenant of a key or token. */
  static async of(token: string): Promise<Tenant> {
    const me = z.object({ tenant_id: z.string(), user_id: z.string().nullable() });
    const { tenant_id, user_id } = dataOf(await get(`${V1}/me`, { token }), me);
    return new Tenant(tenant_id, user_id ?? tenant_id, token);
  }

  /** What this tenant has for a parameter of that name. @throws when there is no creator for it */
  valueOf(name: string): Promise<string> {
    let value = this.#made.get(name);
    if (value === undefined) {
      const create = CREATORS[name];
      if (create === undefined) throw new Error(`There is no creator for the parameter ${name}.`);
      value = create(this);
      this.#made.set(name, value);
    }
    return value;
  }

  async post(path: string, body: unknown): Promise<Answer> {
    return post(`${V1}${path}`, body, { token: this.token });
  }

  /** The id of what the call makes. */
  async make(path: string, body: unknown): Promise<string> {
    const answer = await this.post(path, body);
    return dataOf(answer, idSchema, answer.status === 200 ? 200 : 201).id;
  }

  /** Somebody new with that role. @returns an access token */
  async join(role: 'member' | 'read_only'): Promise<string> {
    const email = newEmail();
    const invited = await this.post(`/teams/${this.id}/invitations`, { email, role });
    dataOf(invited, invitationSchema, 201);
    const token = await this.#mailedTo(email);
    const path = `${V1}/invitations/${token}/accept`;
    dataOf(await post(path, { name: role, password: PASSWORD }, { token: null }), acceptedInvitationSchema);
    return dataOf(await logIn(email), loginReplySchema).accessToken;
  }

  async #mailedTo(email: string): Promise<string> {
    const { items } = pageOf(await get(`${V1}/admin/emails?limit=100`, { token: this.token }), emailSchema);
    const mail = items.find(({ recipient }) => recipient === email.toLowerCase());
    return /#token=(\S+)/.exec(mail!.body!.text)![1]!;
  }

  async makeKey(scopes: string[]): Promise<string> {
    const key = dataOf(await this.post('/api-keys', { name: 'Walker', scopes }), newApiKeySchema, 201);
    return z.string().parse(key.secret);
  }

  /** @returns the headers of a new guest */
  async makeGuest(): Promise<Record<string, string>> {
    const project = await this.make('/projects', { name: 'Open to guests' });
    await patch(`${V1}/projects/${project}`, { guest_access: true }, { token: this.token });
    const answer = await post(`${V1}/guest-sessions`, { project_id: project }, { token: null });
    const { guest_id, secret } = dataOf(answer, guestSessionSchema, 201);
    return { 'x-session-id': guest_id, 'x-session-secret': secret };
  }
}

/** The newest of a list of the tenant's. */
async function firstOf(tenant: Tenant, path: string): Promise<string> {
  const answer = await get(`${V1}${path}`, { token: tenant.token });
  return z.object({ data: z.array(idSchema).min(1) }).parse(answer.json).data[0]!.id;
}

type Creator = (tenant: Tenant) => Promise<string>;

/**
 * What stands for each parameter of a path, and for each field of a body that names something. A route with a
 * parameter that is missing here fails the walk, so that none is forgotten.
 */
export const CREATORS: Readonly<Record<string, Creator>> = {
  project_id: (tenant) => tenant.make('/projects', { name: 'Walked' }),
  agent_id: async (tenant) =>
    tenant.make('/agents', { project_id: await tenant.valueOf('project_id'), name: 'A', model: 'offline' }),
  session_id: async (tenant) => {
    const id = await tenant.make('/sessions', {
      project_id: await tenant.valueOf('project_id'),
      agent_id: await tenant.valueOf('agent_id'),
      executor: 'external',
    });
    // Held under epoch 1, which is what the examples of fenced writes say.
    await tenant.post(`/sessions/${id}/lease`, { holder: 'walker', ttl_ms: 86_400_000 });
    return id;
  },
  run_id: async (tenant) => tenant.make(`/sessions/${await tenant.valueOf('session_id')}/runs`, {}),
  step_index: async () => '0',
  document_id: async (tenant) => {
    const answer = await send({
      method: 'POST',
      path: `${V1}/projects/${await tenant.valueOf('project_id')}/documents?name=walked.md`,
      raw: '# Walked\n',
      headers: { 'content-type': 'text/markdown' },
      token: tenant.token,
    });
    return dataOf(answer, idSchema, 201).id;
  },
  key_id: (tenant) => tenant.make('/api-keys', { name: 'Walked', scopes: ['read'] }),
  secret_id: (tenant) =>
    tenant.make('/secrets', { name: 'walked', kind: 'tool_credential', value: 'x'.repeat(32) }),
  version: async () => '1',
  entry_id: async (tenant) => {
    await tenant.valueOf('project_id');
    return firstOf(tenant, '/admin/audit-logs');
  },
  user_session_id: (tenant) => firstOf(tenant, '/auth/sessions'),
  override_id: async (tenant) => {
    const path = `${V1}/admin/rate-limits/${await tenant.valueOf('policy')}`;
    const subject = `key:${await tenant.valueOf('key_id')}`;
    const body = { subject, minute: 5, reason: 'The walk' };
    return dataOf(await send({ method: 'PUT', path, body, token: tenant.token }), idSchema).id;
  },
  policy: async () => 'platform',
  tenant_id: async (tenant) => tenant.id,
  team_id: async (tenant) => tenant.id,
  user_id: async (tenant) => tenant.ownerId,
  invitation_id: (tenant) =>
    tenant.make(`/teams/${tenant.id}/invitations`, { email: newEmail(), role: 'member' }),
  // What it opens is told to whoever has the link.
  token: async () => 'x'.repeat(43),
};
