import {
  EVENT_SCHEMAS,
  type EphemeralEvent,
  type EventData,
  type LogEvent,
  type MessageDelta,
  type ServerEventType,
} from '@holdfast/protocol';

export function isEphemeral(event: LogEvent | EphemeralEvent): event is EphemeralEvent {
  return 'ephemeral' in event;
}

/** The data of an event if it is of this type and has its form, else null. */
export function dataOfEvent<T extends ServerEventType>(
  event: LogEvent | EphemeralEvent,
  type: T,
): EventData<T> | null {
  if (event.type !== type || isEphemeral(event)) return null;
  const parsed = EVENT_SCHEMAS[type].safeParse(event.data);
  return parsed.success ? (parsed.data as EventData<T>) : null;
}

/**
 * The text of an unfinished answer after one more `message.delta`: its text stands at its offset, and
 * nothing stands behind it.
 * @returns null when something before the delta is missing; the next answer or `message.created` mends it
 */
export function applyDelta(text: string, delta: Pick<MessageDelta, 'offset' | 'text'>): string | null {
  return delta.offset > text.length ? null : text.slice(0, delta.offset) + delta.text;
}
