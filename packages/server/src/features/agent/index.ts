export { createAgent } from './create.ts';
export { executeRun } from './execute.ts';
export { getAgent, listAgents, listAgentsQuerySchema, type ListAgentsQuery } from './read.ts';
export { updateAgent } from './update.ts';
