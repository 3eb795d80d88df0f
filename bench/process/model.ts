import { chat, startModelServer } from '../../packages/server/test/model-server.ts';
import { ANSWER } from './answer.ts';
import { serve } from './serve.ts';

/** All tokens at once and without a pause: what is measured is everything but the model. */
const model = await startModelServer();
const frames = [...chat.text(...ANSWER), ...chat.end()];
model.script = () => {
  // The list of requests would grow for as long as the benchmark runs.
  model.requests.length = 0;
  return { frames };
};

serve({ url: () => model.url });
