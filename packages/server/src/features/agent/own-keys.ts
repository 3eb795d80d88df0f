import type { Ctx } from '../../core/context.ts';
import type { ModelCall } from '../../core/ports.ts';

/** The tenant's own keys of model providers: its secrets of kind `model_key` that are named like them. */
export function ownKeys({ secrets, principal }: Ctx, runId: string, model: string): ModelCall['credentials'] {
  const { tenantId, actor } = principal;
  return (provider) =>
    secrets.find({
      tenantId,
      name: provider,
      kind: 'model_key',
      actor,
      purpose: `model call ${model}`,
      runId,
    });
}
