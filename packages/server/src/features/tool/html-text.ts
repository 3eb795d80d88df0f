import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { DomainError } from '../../core/errors.ts';

export interface ReadablePage {
  title: string;
  text: string;
}

/** Pages that people read take a tenth of it; one that is made to be hard to read would take minutes. */
const LONGEST_MS = 3_000;
const MEMORY_MB = 256;
const MOST_AT_ONCE = 2;

let running = 0;
const waiting: (() => void)[] = [];

/**
 * The readable text of a page, without navigation, scripts and pictures. A thread of its own does the work: the page is
 * somebody else's, and neither its nesting nor its tables may hold up or fill up this process.
 * @throws EXTERNAL_SERVICE_ERROR when it takes too long or too much memory; the reason of `signal`
 */
export async function readHtml(html: string, signal: AbortSignal): Promise<ReadablePage> {
  if (running < MOST_AT_ONCE) running += 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    signal.throwIfAborted();
    return await readInThread(html, signal);
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

async function readInThread(html: string, signal: AbortSignal): Promise<ReadablePage> {
  const worker = new Worker(new URL('./html-worker.ts', import.meta.url), {
    workerData: html,
    env: {},
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB, maxYoungGenerationSizeMb: 32 },
  });
  try {
    const [page] = await once(worker, 'message', {
      signal: AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]),
    });
    return page as ReadablePage;
  } catch (cause) {
    signal.throwIfAborted();
    throw new DomainError('EXTERNAL_SERVICE_ERROR', 'The page is too complicated to be read.', { cause });
  } finally {
    await worker.terminate();
  }
}
