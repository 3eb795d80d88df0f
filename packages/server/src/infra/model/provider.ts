import type { LanguageModelV4 } from '@ai-sdk/provider';

export interface ModelOptions {
  /** Ordered fail-over list behind the model id `default`; empty means `offline` alone. */
  defaultModels: readonly string[];
  /** Pause between two tokens of the offline model, milliseconds. */
  offlineTokenDelayMs: number;
  openai?: { apiKey: string; baseUrl?: string };
  anthropic?: { apiKey: string; baseUrl?: string };
  compatible?: { baseUrl: string; apiKey?: string };
  /** Longest silence of a provider, before or between parts, milliseconds. */
  timeoutMs: number;
}

export const PROVIDERS = ['openai', 'anthropic', 'compatible'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

export interface ModelId {
  provider: ProviderName;
  id: string;
}

/** Splits `provider/id` at the first slash; null when it names no provider. */
export function parseModelId(model: string): ModelId | null {
  const slash = model.indexOf('/');
  const provider = PROVIDERS.find((name) => name === model.slice(0, slash));
  const id = model.slice(slash + 1);
  return provider && id !== '' && id.length <= 200 ? { provider, id } : null;
}

/**
 * Imports the provider's package at first use.
 * Addresses are always passed: otherwise the packages would read them from the environment.
 */
export async function loadProviderModel(options: ModelOptions, model: ModelId): Promise<LanguageModelV4> {
  if (model.provider === 'openai' && options.openai) {
    const { createOpenAI } = await import('@ai-sdk/openai');
    const { apiKey, baseUrl } = options.openai;
    return createOpenAI({ apiKey, baseURL: baseUrl ?? 'https://api.openai.com/v1' }).responses(model.id);
  }
  if (model.provider === 'anthropic' && options.anthropic) {
    const { createAnthropic } = await import('@ai-sdk/anthropic');
    const { apiKey, baseUrl } = options.anthropic;
    return createAnthropic({ apiKey, baseURL: baseUrl ?? 'https://api.anthropic.com/v1' })(model.id);
  }
  if (model.provider === 'compatible' && options.compatible) {
    const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
    const { apiKey, baseUrl } = options.compatible;
    const provider = createOpenAICompatible({
      name: 'compatible',
      baseURL: baseUrl,
      apiKey,
      includeUsage: true,
    });
    return provider.chatModel(model.id);
  }
  throw new Error(`The provider "${model.provider}" is not configured.`);
}
