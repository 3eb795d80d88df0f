import { PGlite } from '@electric-sql/pglite';
import { parentPort, workerData } from 'node:worker_threads';

/** From the main thread: wire messages to run as one unit. */
export interface WorkerRequest {
  id: number;
  bytes: Uint8Array;
}
/** To the main thread: the raw reply, or why there is none. */
export type WorkerReply =
  | { kind: 'ready' }
  | { kind: 'reply'; id: number; bytes: Uint8Array }
  | { kind: 'failed'; id: number; message: string }
  | { kind: 'closed' };

const port = parentPort!;
const { dataDir } = workerData as { dataDir: string | null };

function concat(chunks: Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!.slice();
  const whole = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/** Small for an embedded database; what a checkpoint keeps of the write-ahead log is bounded by its sizes. */
const SETTINGS = ['shared_buffers=16MB', 'min_wal_size=32MB', 'max_wal_size=64MB'];

const pg = await PGlite.create({
  ...(dataDir === null ? {} : { dataDir }),
  startParams: [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])],
});

let turn: Promise<void> = Promise.resolve();

async function answer({ id, bytes }: WorkerRequest): Promise<void> {
  const chunks: Uint8Array[] = [];
  try {
    await pg.execProtocolRawStream(bytes, { onRawData: (chunk) => chunks.push(chunk.slice()) });
    const reply = concat(chunks);
    port.postMessage({ kind: 'reply', id, bytes: reply } satisfies WorkerReply, [
      reply.buffer as ArrayBuffer,
    ]);
  } catch (error) {
    port.postMessage({ kind: 'failed', id, message: String(error) } satisfies WorkerReply);
  }
}

port.on('message', (request: WorkerRequest | 'close') => {
  turn = turn.then(async () => {
    if (request !== 'close') return answer(request);
    await pg.close();
    port.postMessage({ kind: 'closed' } satisfies WorkerReply);
    port.close();
  });
});
port.postMessage({ kind: 'ready' } satisfies WorkerReply);
