import { join } from 'node:path';
import { Child } from './child.ts';
import type { Target } from '../process/connection.ts';
import type { ConnectInput, ExpectInput, PublishInput } from '../process/follower.ts';
import type { Server } from './server.ts';

const PROCESS = join(import.meta.dirname, '../process');

export function startProcess(name: string, execArgv: string[] = ['--expose-gc']): Promise<Child> {
  return Child.start(join(PROCESS, `${name}.ts`), { execArgv });
}

/** How a follower of that log asks for it. */
export function sseTarget({ url, apiKey }: Pick<Server, 'url' | 'apiKey'>, path: string): Target {
  const headers = { authorization: `Bearer ${apiKey}`, accept: 'text/event-stream' };
  return { kind: 'sse', url, path, headers };
}

/** Many followers in a process of their own. */
export class Followers {
  readonly child: Child;

  private constructor(child: Child) {
    this.child = child;
  }

  static async start(): Promise<Followers> {
    return new Followers(await startProcess('follower'));
  }

  open(targets: Target[], silent = false): Promise<void> {
    return this.child.ask('open', { targets, silent } satisfies ConnectInput);
  }

  close(): Promise<void> {
    return this.child.ask('close');
  }

  /** Counts from now on. */
  arm(input: ExpectInput): Promise<void> {
    return this.child.ask('arm', input);
  }

  /** Resolves when every follower has had as many events as `arm` was told. */
  heard(): Promise<void> {
    return this.child.ask('heard');
  }

  timeEach(input: PublishInput): Promise<number[][]> {
    return this.child.ask('timeEach', input);
  }

  /** Milliseconds until one new reader has had them all. */
  replay(input: { target: Target } & ExpectInput): Promise<number> {
    return this.child.ask('replay', input);
  }

  sample(input: { target: Target; marker: string }): Promise<string> {
    return this.child.ask('sample', input);
  }

  stop(): Promise<void> {
    return this.child.stop('SIGKILL');
  }
}
