import {
  heartbeatReplySchema,
  leaseSchema,
  type ClaimLease,
  type heartbeatSchema,
  type Lease,
  type ReleaseLease,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import { dataOf, nothing } from '../http/reply.ts';

const lease = dataOf(leaseSchema);
const beat = dataOf(heartbeatReplySchema);

/** What the server acknowledges a heartbeat with. */
export type HeartbeatReply = ReturnType<(typeof heartbeatReplySchema)['parse']>;

/** `client.leases`: how a process outside becomes the holder of a session. */
export class LeasesApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /**
   * Claims a session that is free, stalled or already this holder's; each claim raises the epoch.
   * @throws HoldfastError RESOURCE_CONFLICT while another holder is alive
   */
  claim(sessionId: string, input: ClaimLease, options?: CallOptions): Promise<Lease> {
    const path = pathOf`/sessions/${sessionId}/lease`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: lease, once: true });
  }

  /** @throws HoldfastError LEASE_LOST */
  heartbeat(
    sessionId: string,
    input: InputOf<typeof heartbeatSchema>,
    options?: CallOptions,
  ): Promise<HeartbeatReply> {
    const path = pathOf`/sessions/${sessionId}/lease/heartbeat`;
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: beat });
  }

  /** Afterwards the lease is not this holder's, even when only the reply of the release was lost. */
  release(sessionId: string, input: ReleaseLease, options?: CallOptions): Promise<void> {
    const path = pathOf`/sessions/${sessionId}/lease/release`;
    const isDone = (code: string): boolean => code === 'LEASE_LOST';
    return this.#http.call({ ...options, method: 'POST', path, json: input, schema: nothing, isDone });
  }
}
