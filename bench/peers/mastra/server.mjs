import { serve } from '@hono/node-server';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { Agent } from '@mastra/core/agent';
import { Mastra } from '@mastra/core/mastra';
import { MastraServer } from '@mastra/hono';
import { LibSQLStore } from '@mastra/libsql';
import { Memory } from '@mastra/memory';
import { Hono } from 'hono';

// An agent with its conversations in a LibSQL file, as Mastra's own starter has it.
const storage = new LibSQLStore({ id: 'bench', url: `file:${process.env.BENCH_FOLDER}/mastra.db` });
const fake = createOpenAICompatible({ name: 'fake', baseURL: process.env.BENCH_MODEL_URL, apiKey: 'none' });
const bench = new Agent({
  id: 'bench',
  name: 'bench',
  instructions: '',
  model: fake('fake'),
  memory: new Memory({ storage, options: { lastMessages: 200 } }),
});
const app = new Hono();
await new MastraServer({ app, mastra: new Mastra({ agents: { bench }, storage, logger: false }) }).init();
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
  console.log(`ready at http://127.0.0.1:${port}`),
);
