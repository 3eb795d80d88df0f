import {
  advancedRunSchema,
  runSchema,
  stepSchema,
  type AdvancedRun,
  type advanceRunSchema,
  type cancelRunSchema,
  type Page,
  type Run,
  type StartRun,
  type Step,
  type ToolResult,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import type { PageOptions } from '../http/paging.ts';
import { dataOf, pageOf } from '../http/reply.ts';

const one = dataOf(runSchema);
const many = pageOf<Run>(runSchema);
const steps = dataOf(stepSchema.array());
const step = dataOf(stepSchema);
const advanced = dataOf(advancedRunSchema);

/** `client.runs`: an agent's work on a session, step by recorded step. */
export class RunsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** Starts a run without a new message. */
  start(sessionId: string, input: StartRun = {}, options?: CallOptions): Promise<Run> {
    const path = pathOf`/sessions/${sessionId}/runs`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: one, once: true });
  }

  list(sessionId: string, page: PageOptions = {}, options?: CallOptions): Promise<Page<Run>> {
    const path = pathOf`/sessions/${sessionId}/runs`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...page }, schema: many });
  }

  get(sessionId: string, runId: string, options?: CallOptions): Promise<Run> {
    const path = pathOf`/sessions/${sessionId}/runs/${runId}`;
    return this.#http.call({ ...options, method: 'GET', path, schema: one });
  }

  /** The recorded steps, in order. */
  steps(sessionId: string, runId: string, options?: CallOptions): Promise<Step[]> {
    const path = pathOf`/sessions/${sessionId}/runs/${runId}/steps`;
    return this.#http.call({ ...options, method: 'GET', path, schema: steps });
  }

  /** Cancelling again changes nothing. @throws HoldfastError RESOURCE_CONFLICT when it has ended otherwise */
  cancel(
    sessionId: string,
    runId: string,
    input: InputOf<typeof cancelRunSchema> = {},
    options?: CallOptions,
  ): Promise<Run> {
    const path = pathOf`/sessions/${sessionId}/runs/${runId}/cancel`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: one });
  }

  /** What a tool that this client executes gave: exactly one of `output` and `error`. */
  postToolResult(
    sessionId: string,
    runId: string,
    stepIndex: number,
    input: ToolResult,
    options?: CallOptions,
  ): Promise<Step> {
    const path = pathOf`/sessions/${sessionId}/runs/${runId}/steps/${stepIndex}/result`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: step, once: true });
  }

  /** For holders: records one move of a run, fenced by the lease epoch. @throws HoldfastError LEASE_LOST */
  advance(
    sessionId: string,
    runId: string,
    input: InputOf<typeof advanceRunSchema>,
    options?: CallOptions,
  ): Promise<AdvancedRun> {
    const path = pathOf`/sessions/${sessionId}/runs/${runId}/steps`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: advanced, once: true });
  }
}
