import type { LanguageModelV4 } from '@ai-sdk/provider';

export interface ModelOptions {
  /** Ordered fail-over list behind the model id `default`; empty means `offline` alone. */
  defaultModels: readonly string[];
  /** Pause between two tokens of the offline model, milliseconds. */
  offlineTokenDelayMs: number;
  /** Without a key only tenants with keys of their own can use it; `compatible` needs an address and perhaps a key. */
  openai?: { apiKey?: string; baseUrl?: string };
  anthropic?: { apiKey?: string; baseUrl?: string };
  compatible?: { apiKey?: string; baseUrl?: string };
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

/** Whether models of that provider can be called. @param own with a key of the tenant's */
export function canUse(options: ModelOptions, provider: ProviderName, own: boolean): boolean {
  if (provider === 'compatible') return options.compatible?.baseUrl !== undefined;
  return own || options[provider]?.apiKey !== undefined;
}

/**
 * Imports the provider's package at first use.
 * Addresses are always passed: otherwise the packages would read them from the environment.
 * @param ownKey the tenant's, in place of the configured one
 */
export async function loadProviderModel(
  options: ModelOptions,
  { provider, id }: ModelId,
  ownKey: string | null,
): Promise<LanguageModelV4> {
  if (!canUse(options, provider, ownKey !== null)) {
    throw new Error(`The provider "${provider}" is not configured.`);
  }
  const { baseUrl, apiKey: configured } = options[provider] ?? {};
  const apiKey = ownKey ?? configured;
  if (provider === 'openai') {
    const { createOpenAI } = await import('@ai-sdk/openai');
    return createOpenAI({ apiKey, baseURL: baseUrl ?? 'https://api.openai.com/v1' }).responses(id);
  }
  if (provider === 'anthropic') {
    const { createAnthropic } = await import('@ai-sdk/anthropic');
    return createAnthropic({ apiKey, baseURL: baseUrl ?? 'https://api.anthropic.com/v1' })(id);
  }
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  return createOpenAICompatible({
    name: 'compatible',
    baseURL: baseUrl!,
    apiKey,
    includeUsage: true,
  }).chatModel(id);
}
