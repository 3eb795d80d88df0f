import { median, medianSample, type Sample } from './stats.ts';

/** Repetitions of several variants, taken in turn so that a busy minute hits all of them alike. */
export class Interleaved<Name extends string> {
  readonly #samples: Record<Name, Sample[]>;

  constructor(samples: Record<Name, Sample[]>) {
    this.#samples = samples;
  }

  of(name: Name): Sample {
    return medianSample(this.#samples[name]);
  }

  has(name: Name): boolean {
    return (this.#samples[name]?.length ?? 0) > 0;
  }

  /** Median of the ratios of each repetition, not ratio of the medians: drift cancels out. */
  ratio(name: Name, base: Name, figure: keyof Sample = 'value'): number {
    const bases = this.#samples[base];
    return median(
      this.#samples[name].map((sample, index) => (sample[figure] ?? NaN) / (bases[index]?.[figure] ?? NaN)),
    );
  }
}

/** Runs every variant `repetitions` times; each round begins with another one. */
export async function interleave<Name extends string>(
  repetitions: number,
  variants: Record<Name, () => Promise<Sample>>,
): Promise<Interleaved<Name>> {
  const names = Object.keys(variants) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Sample[]>;
  for (let round = 0; round < repetitions; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length]!;
      samples[name].push(await variants[name]());
    }
  }
  return new Interleaved(samples);
}
