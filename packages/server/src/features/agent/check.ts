import type { CreateAgent } from '@holdfast/protocol';
import type { Ctx } from '../../core/context.ts';
import { invalid } from '../../core/errors.ts';

/** An agent that could never run is refused when it is made, not when it is used. */
export async function checkAgent(
  ctx: Ctx,
  { model, tools }: Partial<Pick<CreateAgent, 'model' | 'tools'>>,
): Promise<void> {
  if (model !== undefined && !(await canRun(ctx, model))) {
    throw invalid('model', `no such model is configured: ${model}`);
  }
  const names = (tools ?? []).map((tool) => (typeof tool === 'string' ? tool : tool.name));
  for (const [index, tool] of (tools ?? []).entries()) {
    const name = names[index]!;
    if (names.indexOf(name) !== index) throw invalid(`tools.${index}`, `the name is used twice: ${name}`);
    if (typeof tool === 'string' && (await ctx.tools.find(tool)) === null) {
      throw invalid(`tools.${index}`, `no such tool: ${tool}`);
    }
  }
}

/** With the server's key, or one that the tenant has stored. */
async function canRun({ models, secrets, principal }: Ctx, model: string): Promise<boolean> {
  return models.knows(model) || models.knows(model, await secrets.names(principal.tenantId, 'model_key'));
}
