import {
  projectSchema,
  type createProjectSchema,
  type Page,
  type Project,
  type UpdateProject,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, pageOf } from '../http/reply.ts';

const one = dataOf(projectSchema);
const many = pageOf<Project>(projectSchema);

/** `client.projects` */
export class ProjectsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  create(input: InputOf<typeof createProjectSchema>, options?: CallOptions): Promise<Project> {
    const path = pathOf`/projects`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: one, once: true });
  }

  list(page: PageOptions = {}, options?: CallOptions): Promise<Page<Project>> {
    const query = { ...page };
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/projects`, query, schema: many });
  }

  get(id: string, options?: CallOptions): Promise<Project> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/projects/${id}`, schema: one });
  }

  update(id: string, input: UpdateProject, options?: CallOptions): Promise<Project> {
    const path = pathOf`/projects/${id}`;
    return this.#http.call({ ...options, method: 'PATCH', path, json: input, schema: one });
  }
}
