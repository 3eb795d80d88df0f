import { setTimeout as sleep } from 'node:timers/promises';
import type { CircuitBreakerPolicy } from 'cockatiel';
import { DomainError } from '../../core/errors.ts';
import type { Logger, ModelCall, ModelPart, Models } from '../../core/ports.ts';
import { toFailure, type Failure } from './failure.ts';
import { createOfflineModel } from './offline-model.ts';
import { readParts, type Source } from './part.ts';
import {
  loadProviderModel,
  parseModelId,
  PROVIDERS,
  type ModelOptions,
  type ProviderName,
} from './provider.ts';

export type { ModelOptions } from './provider.ts';

const FAILURES_TO_OPEN = 3;
const OPEN_MS = 10_000;
const RETRY_DELAY_MS = 150;
const LONGEST_RETRY_DELAY_MS = 2_000;

interface Attempt {
  model: string;
  reason: string;
}

/**
 * Language models by id: `offline`, `openai/<id>`, `anthropic/<id>`, `compatible/<id>`, `default`.
 * A fail-over commits to a model with its first text or tool call. Throws when `defaultModels` names a
 * model that these options do not configure.
 */
export function createModels(options: ModelOptions, logger: Logger): Models {
  return new FailOverModels(options, logger);
}

class FailOverModels implements Models {
  readonly #options: ModelOptions;
  readonly #logger: Logger;
  readonly #defaults: readonly string[];
  readonly #sources = new Map<string, Source>();
  readonly #breakers = new Map<ProviderName, CircuitBreakerPolicy>();

  constructor(options: ModelOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#defaults = options.defaultModels.length > 0 ? options.defaultModels : ['offline'];
    const unknown = this.#defaults.filter((model) => model === 'default' || !this.knows(model));
    if (unknown.length > 0) throw new Error(`No provider is configured for: ${unknown.join(', ')}`);
  }

  knows(model: string): boolean {
    if (model === 'default' || model === 'offline') return true;
    const parsed = parseModelId(model);
    return parsed !== null && this.#options[parsed.provider] !== undefined;
  }

  async *stream(call: ModelCall): AsyncGenerator<ModelPart, void> {
    if (!this.knows(call.model)) {
      throw new DomainError('LLM_ERROR', `The model "${call.model}" is not configured on this server.`);
    }
    const attempts: Attempt[] = [];
    for (const model of call.model === 'default' ? this.#defaults : [call.model]) {
      const opened = await this.#open(model, call, attempts);
      if (!opened) continue;
      yield* this.#follow(model, call, opened);
      return;
    }
    throw unanswered(attempts);
  }

  /** The stream of one model with its first part read, or null when it cannot answer now. */
  async #open(model: string, call: ModelCall, attempts: Attempt[]): Promise<Opened | null> {
    try {
      const source = await this.#source(model);
      const provider = parseModelId(model)?.provider;
      if (!provider) return await open(source, call);
      const breaker = await this.#breaker(provider);
      return await runGuarded(breaker, () => openWithRetry(source, call));
    } catch (error) {
      call.signal.throwIfAborted();
      const reason = error instanceof BreakerOpen ? error.message : toFailure(error).reason;
      attempts.push({ model, reason });
      this.#logger.warn({ model, reason }, 'model did not answer');
      return null;
    }
  }

  async *#follow(model: string, call: ModelCall, opened: Opened): AsyncGenerator<ModelPart, void> {
    try {
      yield opened.first;
      yield* opened.rest;
    } catch (error) {
      call.signal.throwIfAborted();
      const { reason } = toFailure(error);
      this.#logger.warn({ model, reason }, 'model failed in the middle of its answer');
      throw new DomainError('LLM_ERROR', 'The language model failed in the middle of its answer.', {
        details: { attempts: [{ model, reason }] },
        cause: error,
      });
    } finally {
      await opened.rest.return();
    }
  }

  async #source(name: string): Promise<Source> {
    const known = this.#sources.get(name);
    if (known) return known;
    const parsed = parseModelId(name);
    const model = parsed
      ? await loadProviderModel(this.#options, parsed)
      : createOfflineModel({
          tokenDelayMs: this.#options.offlineTokenDelayMs,
          modelsConfigured: PROVIDERS.some((provider) => this.#options[provider] !== undefined),
        });
    const source = { name, model, silenceMs: this.#options.timeoutMs };
    if (this.#sources.size < 100) this.#sources.set(name, source);
    return source;
  }

  async #breaker(provider: ProviderName): Promise<CircuitBreakerPolicy> {
    const { circuitBreaker, handleWhen, ConsecutiveBreaker } = await import('cockatiel');
    const known = this.#breakers.get(provider);
    if (known) return known;
    const breaker = circuitBreaker(
      handleWhen((error) => toFailure(error).providerDown && !isAbort(error)),
      { halfOpenAfter: OPEN_MS, breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN) },
    );
    breaker.onBreak(() => this.#logger.warn({ provider }, 'model provider is skipped for a while'));
    breaker.onReset(() => this.#logger.info({ provider }, 'model provider is used again'));
    this.#breakers.set(provider, breaker);
    return breaker;
  }
}

interface Opened {
  first: ModelPart;
  rest: AsyncGenerator<ModelPart, void>;
}

class BreakerOpen extends Error {}

class Aborted extends Error {}

function isAbort(error: unknown): boolean {
  return error instanceof Aborted;
}

/** While a probe is under way others go on to the next model instead of waiting for its outcome. */
async function runGuarded<T>(breaker: CircuitBreakerPolicy, work: () => Promise<T>): Promise<T> {
  const { CircuitState, isBrokenCircuitError } = await import('cockatiel');
  if (breaker.state === CircuitState.HalfOpen) throw new BreakerOpen('skipped: being probed after failures');
  try {
    return await breaker.execute(work);
  } catch (error) {
    if (isBrokenCircuitError(error)) throw new BreakerOpen('skipped after repeated failures');
    throw error;
  }
}

/** One repetition at most, and only where waiting is short. */
async function openWithRetry(source: Source, call: ModelCall): Promise<Opened> {
  try {
    return await open(source, call);
  } catch (error) {
    if (call.signal.aborted) throw new Aborted();
    const delay = retryDelay(toFailure(error));
    if (delay === null) throw error;
    await sleep(delay, undefined, { signal: call.signal }).catch(() => undefined);
  }
  try {
    return await open(source, call);
  } catch (error) {
    throw call.signal.aborted ? new Aborted() : error;
  }
}

function retryDelay(failure: Failure): number | null {
  if (!failure.retryable) return null;
  const delay = failure.retryAfterMs ?? RETRY_DELAY_MS;
  return delay <= LONGEST_RETRY_DELAY_MS ? delay : null;
}

async function open(source: Source, call: ModelCall): Promise<Opened> {
  const rest = readParts(source, call);
  const first = await rest.next();
  if (first.done) throw new Error('empty stream');
  return { first: first.value, rest };
}

function unanswered(attempts: readonly Attempt[]): DomainError {
  const list = attempts.map(({ model, reason }) => `${model}: ${reason}`).join('; ');
  return new DomainError('LLM_ERROR', `No language model answered (${list}).`, { details: { attempts } });
}
