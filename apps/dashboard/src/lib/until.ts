const UNITS = [
  { seconds: 86_400, name: 'd' },
  { seconds: 3600, name: 'h' },
  { seconds: 60, name: 'min' },
] as const;

/** `45 s`, `5 min`, `3 h`, `12 d`; from two of a unit on in that unit. */
export function formatSpan(seconds: number): string {
  const unit = UNITS.find((each) => seconds >= 2 * each.seconds || seconds === each.seconds);
  return unit === undefined
    ? `${Math.ceil(seconds)} s`
    : `${Math.round(seconds / unit.seconds)} ${unit.name}`;
}

/** `in 5 min`; `now` is milliseconds. @returns null once it is over */
export function formatUntil(iso: string, now: number): string | null {
  const seconds = (Date.parse(iso) - now) / 1000;
  return seconds <= 0 ? null : `in ${formatSpan(seconds)}`;
}

/** What a `datetime-local` field holds, as ISO 8601 in UTC; undefined for an empty one. */
export function fromLocalField(value: string): string | undefined {
  const time = new Date(value);
  return value === '' || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** The other way round, to the minute; '' for nothing and for what is no time. */
export function toLocalField(iso: string | undefined): string {
  const time = new Date(iso ?? '');
  if (Number.isNaN(time.getTime())) return '';
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
