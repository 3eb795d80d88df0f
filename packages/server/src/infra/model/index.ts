import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../core/errors.ts';
import type { Logger, ModelCall, ModelPart, Models } from '../../core/ports.ts';
import { Aborted, BreakerOpen, Breakers } from './breaker.ts';
import { toFailure, type Failure } from './failure.ts';
import { createOfflineModel } from './offline-model.ts';
import { readParts, type Source } from './part.ts';
import { canUse, loadProviderModel, parseModelId, PROVIDERS, type ModelOptions } from './provider.ts';

export type { ModelOptions } from './provider.ts';

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
  readonly #breakers: Breakers;

  constructor(options: ModelOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#breakers = new Breakers(logger);
    this.#defaults = options.defaultModels.length > 0 ? options.defaultModels : ['offline'];
    const unknown = this.#defaults.filter((model) => model === 'default' || !this.knows(model));
    if (unknown.length > 0) throw new Error(`No provider is configured for: ${unknown.join(', ')}`);
  }

  knows(model: string, own: readonly string[] = []): boolean {
    if (model === 'default' || model === 'offline') return true;
    const parsed = parseModelId(model);
    return parsed !== null && canUse(this.#options, parsed.provider, own.includes(parsed.provider));
  }

  async *stream(call: ModelCall): AsyncGenerator<ModelPart, void> {
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
      const provider = parseModelId(model)?.provider;
      const ownKey = provider ? await readOwnKey(call, provider) : null;
      if (!this.knows(model, provider && ownKey !== null ? [provider] : [])) throw new NotConfigured(model);
      const source = await this.#source(model, ownKey);
      if (!provider) return await open(source, call);
      return await this.#breakers.run(provider, ownKey, () => openWithRetry(source, call));
    } catch (error) {
      call.signal.throwIfAborted();
      if (error instanceof NotConfigured) throw error;
      if (error instanceof KeyLookupFailed) throw error.cause;
      const reason = reasonOf(error);
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

  /** Models with a tenant's own key are not kept: nothing then holds the key longer than its call. */
  async #source(name: string, ownKey: string | null): Promise<Source> {
    const known = ownKey === null ? this.#sources.get(name) : undefined;
    if (known) return known;
    const parsed = parseModelId(name);
    const model = parsed
      ? await loadProviderModel(this.#options, parsed, ownKey)
      : createOfflineModel({
          tokenDelayMs: this.#options.offlineTokenDelayMs,
          modelsConfigured: PROVIDERS.some((provider) => canUse(this.#options, provider, false)),
        });
    const source = { name, model, silenceMs: this.#options.timeoutMs };
    if (ownKey === null && this.#sources.size < 100) this.#sources.set(name, source);
    return source;
  }
}

interface Opened {
  first: ModelPart;
  rest: AsyncGenerator<ModelPart, void>;
}

/** The server's own trouble, which says nothing about the model. */
class KeyLookupFailed extends Error {}

/** @throws DomainError when the tenant has a key that cannot be used: it is not replaced by the server's */
async function readOwnKey(call: ModelCall, provider: string): Promise<string | null> {
  try {
    return (await call.credentials?.(provider)) ?? null;
  } catch (cause) {
    throw cause instanceof DomainError ? cause : new KeyLookupFailed('', { cause });
  }
}

class NotConfigured extends DomainError {
  constructor(model: string) {
    super('LLM_ERROR', `The model "${model}" is not configured on this server.`);
  }
}

/** Why a model did not answer, in words that may be shown: our own, or none of the provider's. */
function reasonOf(error: unknown): string {
  if (error instanceof BreakerOpen || error instanceof DomainError) return error.message;
  return toFailure(error).reason;
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
