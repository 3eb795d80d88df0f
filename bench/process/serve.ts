import { startProfile, stopProfile } from '../harness/profile.ts';

export interface Question {
  id: number;
  command: string;
  input: unknown;
}
export type Answer = { id: number; result: unknown } | { id: number; error: string } | { ready: true };

export type Handlers = Record<string, (input: never) => unknown>;

const COMMON: Handlers = {
  usage(collect: boolean) {
    for (let pass = 0; collect && pass < 3; pass += 1) globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    return { cpu: user + system, rss: process.memoryUsage.rss() };
  },
  startProfile: () => startProfile(),
  stopProfile: () => stopProfile(),
};

/** Answers the questions of the process that started this one, and ends with it. */
export function serve(handlers: Handlers): void {
  const all: Handlers = { ...COMMON, ...handlers };
  process.on('message', (question: Question) => void answer(all, question));
  process.on('disconnect', () => process.exit());
  send({ ready: true });
}

async function answer(handlers: Handlers, { id, command, input }: Question): Promise<void> {
  try {
    send({ id, result: await handlers[command]?.(input as never) });
  } catch (error) {
    send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function send(message: Answer): void {
  if (process.connected) process.send?.(message);
}
