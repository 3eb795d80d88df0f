import { MessagesAnnotation, StateGraph } from '@langchain/langgraph';
import { ChatOpenAI } from '@langchain/openai';

const configuration = { baseURL: process.env.BENCH_MODEL_URL };
const model = new ChatOpenAI({
  model: 'fake',
  apiKey: 'none',
  streaming: true,
  maxRetries: 0,
  configuration,
});

/** One model call over the conversation: what the other rows' agents do. */
export const graph = new StateGraph(MessagesAnnotation)
  .addNode('answer', async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
  .addEdge('__start__', 'answer')
  .compile();
