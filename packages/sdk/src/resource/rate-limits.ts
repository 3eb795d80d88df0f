import {
  rateBlockSchema,
  rateLimitsSchema,
  rateOverrideSchema,
  rateUsageSchema,
  type RateBlock,
  type RateLimits,
  type RateOverride,
  type RateSubject,
  type RateUsage,
  type setRateOverrideSchema,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import type { InputOf } from '../http/input.ts';
import { dataOf } from '../http/reply.ts';

const limits = dataOf(rateLimitsSchema);
const override = dataOf(rateOverrideSchema);
const usage = dataOf(rateUsageSchema);
const block = dataOf(rateBlockSchema);

/** `client.rateLimits`; needs the scope `admin`, and for other tenants and for addresses the operator's login. */
export class RateLimitsApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** The policies with the tenant's numbers, its overrides and blocks. */
  list(options?: CallOptions): Promise<RateLimits> {
    return this.#http.call({
      ...options,
      method: 'GET',
      path: pathOf`/admin/rate-limits`,
      schema: limits,
    });
  }

  /** Other numbers for one subject or, without one, for the whole tenant; in force at once. */
  set(
    policy: string,
    input: InputOf<typeof setRateOverrideSchema>,
    options?: CallOptions,
  ): Promise<RateOverride> {
    const path = pathOf`/admin/rate-limits/${policy}`;
    return this.#http.call({ ...options, method: 'PUT', path, json: input, schema: override });
  }

  /** Removes an override. @throws HoldfastError NOT_FOUND, also when only the first answer was lost */
  remove(overrideId: string, options?: CallOptions): Promise<RateOverride> {
    const path = pathOf`/admin/rate-limits/overrides/${overrideId}`;
    return this.#http.call({ ...options, method: 'DELETE', path, schema: override });
  }

  /** What one subject, such as `key:<id>`, has left. */
  usage(policy: string, who: RateSubject, options?: CallOptions): Promise<RateUsage> {
    const path = pathOf`/admin/rate-limits/${policy}`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...who }, schema: usage });
  }

  /** Forgets what one subject has used. */
  reset(policy: string, who: RateSubject, options?: CallOptions): Promise<RateUsage> {
    const path = pathOf`/admin/rate-limits/${policy}/reset`;
    return this.#http.call({ ...options, method: 'POST', path, json: who, schema: usage });
  }

  /** Ends the block of one subject. */
  unblock(policy: string, who: RateSubject, options?: CallOptions): Promise<RateBlock> {
    const path = pathOf`/admin/rate-limits/${policy}/unblock`;
    return this.#http.call({ ...options, method: 'POST', path, json: who, schema: block });
  }
}
