import {
  agentSchema,
  type Agent,
  type createAgentSchema,
  type Page,
  type updateAgentSchema,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, pageOf } from '../http/reply.ts';

const one = dataOf(agentSchema);
const many = pageOf<Agent>(agentSchema);

/** `client.agents`: name, instructions, model, tools and budgets of who answers. */
export class AgentsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  create(input: InputOf<typeof createAgentSchema>, options?: CallOptions): Promise<Agent> {
    const path = pathOf`/agents`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: one, once: true });
  }

  list(page: PageOptions & { project_id?: string } = {}, options?: CallOptions): Promise<Page<Agent>> {
    const query = { ...page };
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/agents`, query, schema: many });
  }

  get(id: string, options?: CallOptions): Promise<Agent> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/agents/${id}`, schema: one });
  }

  /** Runs that have begun are not affected. */
  update(id: string, input: InputOf<typeof updateAgentSchema>, options?: CallOptions): Promise<Agent> {
    const path = pathOf`/agents/${id}`;
    return this.#http.call({ ...options, method: 'PATCH', path, json: input, schema: one });
  }
}
