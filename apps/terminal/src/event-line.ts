import type { EventData, LogEvent, ServerEventType } from '@holdfast/protocol';
import { dataOfEvent } from '@holdfast/sdk';

const LONGEST_INPUT = 100;

export interface EventLine {
  tone: 'dim' | 'error';
  text: string;
}

type Describe = { [T in ServerEventType]?: (data: EventData<T>) => EventLine | null };

const dim = (text: string): EventLine => ({ tone: 'dim', text });

const DESCRIBE: Describe = {
  'tool.called': ({ tool, input, executor }) =>
    dim(`→ ${tool} ${shorten(JSON.stringify(input))}${executor === 'client' ? ' (waits for a client)' : ''}`),
  'tool.completed': ({ tool, is_error, output }) =>
    is_error ? { tone: 'error', text: `✗ ${tool} failed: ${shorten(messageOf(output))}` } : null,
  'run.resumed': ({ from_step }) => dim(`resumed from step ${from_step}`),
  'run.failed': ({ error }) => ({ tone: 'error', text: `The run failed: ${error.message} (${error.code})` }),
  'run.cancelled': ({ reason }) => dim(`cancelled: ${reason}`),
  'session.stalled': () => dim('whoever worked on this went silent; another server takes over'),
  'session.closed': ({ status }) => dim(`the session was closed: ${status}`),
};

/** One line about an event that is not a message; null when it is not worth one. */
export function describeEvent(event: LogEvent): EventLine | null {
  const type = event.type as ServerEventType;
  if (!Object.hasOwn(DESCRIBE, type)) return null;
  const describe = DESCRIBE[type] as (data: unknown) => EventLine | null;
  const data = dataOfEvent(event, type);
  return data === null ? null : describe(data);
}

function messageOf(output: unknown): string {
  const { error } = (output ?? {}) as { error?: { message?: unknown } };
  return typeof error?.message === 'string' ? error.message : (JSON.stringify(output) ?? '');
}

function shorten(text = ''): string {
  return text.length > LONGEST_INPUT ? `${text.slice(0, LONGEST_INPUT - 1)}…` : text;
}
