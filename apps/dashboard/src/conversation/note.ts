import type { EventData, LogEvent, ServerEventType } from '@holdfast/protocol';
import { dataOfEvent } from '@holdfast/sdk';
import type { NoteItem } from './item.ts';

type Told = Pick<NoteItem, 'tone' | 'text'>;

const NOTES: { [T in ServerEventType]?: (data: EventData<T>) => Told } = {
  'message.superseded': ({ reason }) => ({
    tone: 'warning',
    text: `An unfinished answer was dropped (${reason}).`,
  }),
  'run.resumed': ({ holder, from_step }) => ({
    tone: 'warning',
    text: `The run was taken over by ${holder} and goes on from step ${from_step}.`,
  }),
  'run.failed': ({ error }) => ({ tone: 'error', text: `The run failed: ${error.message} (${error.code})` }),
  'run.cancelled': ({ reason }) => ({ tone: 'neutral', text: `The run was cancelled: ${reason}.` }),
  'session.stalled': ({ holder }) => ({
    tone: 'warning',
    text: `The holder ${holder} fell silent; the session is stalled.`,
  }),
  'session.recovered': ({ holder }) => ({ tone: 'neutral', text: `The session was recovered by ${holder}.` }),
  'session.closed': ({ status, reason }) => ({
    tone: 'neutral',
    text: `The session was closed as ${status}${reason === null ? '' : `: ${reason}`}.`,
  }),
};

/** What the conversation says about an event; null for what belongs into the log alone. */
export function noteOf(event: LogEvent): NoteItem | null {
  const { seq } = event;
  const type = event.type as ServerEventType;
  if (!Object.hasOwn(NOTES, type)) return null;
  const tell = NOTES[type] as (data: unknown) => Told;
  const data = dataOfEvent(event, type);
  return data === null ? null : { kind: 'note', key: `note-${seq}`, seq, ...tell(data) };
}
