import { isMainThread } from 'node:worker_threads';
import { serve } from './serve.ts';

// Loaded into a server before its own code, so that its memory and processor time can be asked for.
if (isMainThread && process.send !== undefined) {
  serve({});
  process.channel?.unref();
}
