import type {
  Agent,
  AgentToolV2,
  AgentV2,
  CreateAgent,
  CreateAgentV2,
  UpdateAgent,
  UpdateAgentV2,
} from '@holdfast/protocol';

/** The agent as version 2 shows it. */
export function toAgentV2({ instructions, budgets, tools, ...rest }: Agent): AgentV2 {
  return {
    ...rest,
    system_prompt: instructions,
    tools: tools.map((tool) => {
      if (typeof tool === 'string') return { type: 'server' as const, name: tool };
      const { executor: _, ...declared } = tool;
      return { type: 'client' as const, ...declared };
    }),
    limits: budgets,
  };
}

export function toCreateAgent({ system_prompt, limits, tools, ...rest }: CreateAgentV2): CreateAgent {
  return { ...rest, instructions: system_prompt, budgets: limits, tools: tools.map(toTool) };
}

export function toUpdateAgent({ system_prompt, limits, tools, ...rest }: UpdateAgentV2): UpdateAgent {
  return {
    ...rest,
    ...(system_prompt === undefined ? {} : { instructions: system_prompt }),
    ...(limits === undefined ? {} : { budgets: limits }),
    ...(tools === undefined ? {} : { tools: tools.map(toTool) }),
  };
}

function toTool(tool: AgentToolV2): CreateAgent['tools'][number] {
  if (tool.type === 'server') return tool.name;
  const { type: _, ...declared } = tool;
  return { ...declared, executor: 'client' };
}
