import { createHash } from 'node:crypto';
import type { CircuitBreakerPolicy } from 'cockatiel';
import type { Logger } from '../../core/ports.ts';
import { toFailure } from './failure.ts';
import type { ProviderName } from './provider.ts';

const FAILURES_TO_OPEN = 3;
const OPEN_MS = 10_000;
const MOST_OWN = 1000;

export class BreakerOpen extends Error {}

export class Aborted extends Error {}

/**
 * One breaker for each provider, and one for each tenant's own key: a key that its provider refuses must not
 * close the provider to everybody else.
 */
export class Breakers {
  readonly #logger: Logger;
  readonly #shared = new Map<ProviderName, CircuitBreakerPolicy>();
  readonly #own = new Map<string, CircuitBreakerPolicy>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * While a probe is under way others go on to the next model instead of waiting for its outcome.
   * @throws BreakerOpen; what `work` throws
   */
  async run<T>(provider: ProviderName, ownKey: string | null, work: () => Promise<T>): Promise<T> {
    const { CircuitState, isBrokenCircuitError } = await import('cockatiel');
    const breaker = await this.#find(provider, ownKey);
    if (breaker.state === CircuitState.HalfOpen) {
      throw new BreakerOpen('skipped: being probed after failures');
    }
    try {
      return await breaker.execute(work);
    } catch (error) {
      if (isBrokenCircuitError(error)) throw new BreakerOpen('skipped after repeated failures');
      throw error;
    }
  }

  async #find(provider: ProviderName, ownKey: string | null): Promise<CircuitBreakerPolicy> {
    if (ownKey === null) {
      return this.#shared.get(provider) ?? keep(this.#shared, provider, await this.#create(provider));
    }
    const name = createHash('sha256').update(`${provider} ${ownKey}`).digest('base64');
    const known = this.#own.get(name);
    if (known !== undefined) return known;
    if (this.#own.size >= MOST_OWN) this.#own.delete(this.#own.keys().next().value!);
    return keep(this.#own, name, await this.#create(provider));
  }

  async #create(provider: ProviderName): Promise<CircuitBreakerPolicy> {
    const { circuitBreaker, handleWhen, ConsecutiveBreaker } = await import('cockatiel');
    const breaker = circuitBreaker(
      handleWhen((error) => !(error instanceof Aborted) && toFailure(error).providerDown),
      { halfOpenAfter: OPEN_MS, breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN) },
    );
    breaker.onBreak(() => this.#logger.warn({ provider }, 'model provider is skipped for a while'));
    breaker.onReset(() => this.#logger.info({ provider }, 'model provider is used again'));
    return breaker;
  }
}

/** Another call may have been first while this one waited. */
function keep<K, V>(map: Map<K, V>, key: K, value: V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  map.set(key, value);
  return value;
}
