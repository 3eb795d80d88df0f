/** One metric's current values in the form the Prometheus client's registry reads. */
export interface MetricSnapshot {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  aggregator: 'sum';
  values: { metricName?: string; labels: Record<string, string>; value: number }[];
}

export interface Metric {
  readonly name: string;
  get(): Promise<MetricSnapshot>;
}

function labelsOf(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

/** Separates label values within a series key; no label value holds it. */
const SEPARATOR = '\u0000';

export class CounterMetric implements Metric {
  readonly name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #series = new Map<string, number>();

  constructor(name: string, help: string, labels: readonly string[]) {
    this.name = name;
    this.#help = help;
    this.#labels = labels;
    if (labels.length === 0) this.#series.set('', 0);
  }

  /** @param values label values, in the order of the label names */
  inc(values: readonly string[] = [], by = 1): void {
    const key = values.join(SEPARATOR);
    this.#series.set(key, (this.#series.get(key) ?? 0) + by);
  }

  async get(): Promise<MetricSnapshot> {
    const values = [...this.#series].map(([key, value]) => ({
      labels: labelsOf(this.#labels, key.split(SEPARATOR)),
      value,
    }));
    return { name: this.name, help: this.#help, type: 'counter', aggregator: 'sum', values };
  }
}

export class GaugeMetric implements Metric {
  readonly name: string;
  readonly #help: string;
  readonly #read: () => number;

  constructor(name: string, help: string, read: () => number) {
    this.name = name;
    this.#help = help;
    this.#read = read;
  }

  async get(): Promise<MetricSnapshot> {
    const values = [{ labels: {}, value: this.#read() }];
    return { name: this.name, help: this.#help, type: 'gauge', aggregator: 'sum', values };
  }
}

interface Series {
  values: readonly string[];
  /** Observations per bucket, not cumulative; the last is everything above. */
  counts: Float64Array;
  sum: number;
}

export class HistogramMetric implements Metric {
  readonly name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #buckets: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(name: string, help: string, labels: readonly string[], buckets: readonly number[]) {
    this.name = name;
    this.#help = help;
    this.#labels = labels;
    this.#buckets = buckets;
  }

  /** @param values label values, in the order of the label names */
  observe(values: readonly string[], value: number): void {
    const key = values.join(SEPARATOR);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { values, counts: new Float64Array(this.#buckets.length + 1), sum: 0 };
      this.#series.set(key, series);
    }
    let bucket = 0;
    while (bucket < this.#buckets.length && value > this.#buckets[bucket]!) bucket += 1;
    series.counts[bucket] = series.counts[bucket]! + 1;
    series.sum += value;
  }

  async get(): Promise<MetricSnapshot> {
    const values = [...this.#series.values()].flatMap((series) => this.#expose(series));
    return { name: this.name, help: this.#help, type: 'histogram', aggregator: 'sum', values };
  }

  #expose(series: Series): MetricSnapshot['values'] {
    const labels = labelsOf(this.#labels, series.values);
    let total = 0;
    const buckets = Array.from(series.counts, (count, index) => {
      total += count;
      const le = index < this.#buckets.length ? String(this.#buckets[index]) : '+Inf';
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: series.sum },
      { metricName: `${this.name}_count`, labels, value: total },
    ];
  }
}
