import { z } from 'zod';
import type { Tool } from '../../core/ports.ts';
import { defineTool } from './define.ts';

const input = z.strictObject({
  timezone: z
    .string()
    .max(64)
    .refine(isTimezone, 'is not a known IANA time zone')
    .default('UTC')
    .describe('IANA time zone such as "Europe/Berlin".'),
});

/** @param now milliseconds since 1970 */
export function currentTime(now: () => number): Tool {
  return defineTool({
    name: 'current_time',
    description: 'The current date and time, in UTC and in a time zone.',
    policy: 'retry',
    timeout_ms: 1_000,
    input,
    async run({ timezone }) {
      const date = new Date(now());
      const parts = partsOf(date, timezone);
      return {
        iso: date.toISOString(),
        timezone,
        local: `${parts.year}-${parts.month}-${parts.day} ${parts.hour}:${parts.minute}:${parts.second}`,
        weekday: parts.weekday,
        utc_offset: parts.timeZoneName === 'GMT' ? '+00:00' : parts.timeZoneName?.replace('GMT', ''),
        unix_seconds: Math.floor(date.getTime() / 1000),
      };
    },
  });
}

function partsOf(date: Date, timeZone: string): Partial<Record<Intl.DateTimeFormatPartTypes, string>> {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    weekday: 'long',
    timeZoneName: 'longOffset',
  });
  return Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
