import {
  apiUsageSchema,
  clientConfigSchema,
  featureFlagSchema,
  type ApiUsage,
  type ApiUsageQuery,
  type ClientConfig,
  type FeatureFlag,
  type SetFeatureFlag,
} from '@holdfast/protocol';
import { pathOf, type CallOptions, type HttpClient } from '../http/http-client.ts';
import { dataOf } from '../http/reply.ts';

const configuration = dataOf(clientConfigSchema);
const flag = dataOf(featureFlagSchema);
const allFlags = dataOf(featureFlagSchema.array());
const used = dataOf(apiUsageSchema);

/** `client.api`: what the server offers, feature flags, and the use of the API itself. */
export class ServerApi {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  /** Sizes and limits, and the feature flags of version 1. */
  config(options?: CallOptions): Promise<ClientConfig> {
    return this.#http.call({ ...options, method: 'GET', path: pathOf`/config`, schema: configuration });
  }

  /** Of every version, as the tenant has them. Needs the scope `admin`, as all that follow do. */
  flags(options?: CallOptions): Promise<FeatureFlag[]> {
    const path = pathOf`/admin/feature-flags`;
    return this.#http.call({ ...options, method: 'GET', path, schema: allFlags });
  }

  setFlag(input: SetFeatureFlag, options?: CallOptions): Promise<FeatureFlag> {
    const path = pathOf`/admin/feature-flags`;
    return this.#http.call({ ...options, method: 'PUT', path, json: input, schema: flag });
  }

  /** How often each version and route was called, by day and by whom; of the last 30 days unless told. */
  usage(query: ApiUsageQuery = {}, options?: CallOptions): Promise<ApiUsage> {
    const path = pathOf`/admin/api-versions/usage`;
    return this.#http.call({ ...options, method: 'GET', path, query: { ...query }, schema: used });
  }
}
