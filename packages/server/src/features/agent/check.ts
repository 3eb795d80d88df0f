import type { CreateAgent } from '@holdfast/protocol';
import type { Services } from '../../core/context.ts';
import { invalid } from '../../core/errors.ts';

/** An agent that could never run is refused when it is made, not when it is used. */
export async function checkAgent(
  services: Pick<Services, 'models' | 'tools'>,
  { model, tools }: Partial<Pick<CreateAgent, 'model' | 'tools'>>,
): Promise<void> {
  if (model !== undefined && !services.models.knows(model)) {
    throw invalid('model', `no such model is configured: ${model}`);
  }
  const names = (tools ?? []).map((tool) => (typeof tool === 'string' ? tool : tool.name));
  for (const [index, tool] of (tools ?? []).entries()) {
    const name = names[index]!;
    if (names.indexOf(name) !== index) throw invalid(`tools.${index}`, `the name is used twice: ${name}`);
    if (typeof tool === 'string' && (await services.tools.find(tool)) === null) {
      throw invalid(`tools.${index}`, `no such tool: ${tool}`);
    }
  }
}
