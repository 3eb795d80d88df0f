/** @returns NaN for an empty list */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** @param share 0 to 1; interpolates between the two nearest values */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/** One repetition of one variant; every further figure under its own name. */
export type Sample = { value: number } & Partial<
  Record<'p50' | 'p95' | 'first' | 'cpu' | 'loop' | 'memory', number>
>;

/** The median of each figure on its own. */
export function medianSample(samples: readonly Sample[]): Sample {
  const names = Object.keys(samples[0] ?? {}) as (keyof Sample)[];
  const entries = names.map((name) => [name, median(samples.map((sample) => sample[name] ?? Number.NaN))]);
  return Object.fromEntries(entries) as Sample;
}

/** Latencies in milliseconds of one repetition. */
export function latencies(values: readonly number[]): { p50: number; p95: number } {
  return { p50: percentile(values, 0.5), p95: percentile(values, 0.95) };
}
