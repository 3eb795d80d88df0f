import type { Metric as ClientMetric } from '@prometheus-io/client';
import { CounterMetric, GaugeMetric, HistogramMetric, type Metric } from './metric-values.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * The server's metric registry. Values are kept in plain numbers; the Prometheus client, which
 * writes the exposition and measures the process, is loaded by the first scrape.
 */
export class Metrics {
  readonly #metrics: Metric[] = [];
  readonly #requests: HistogramMetric;
  #render: Promise<() => Promise<string>> | null = null;

  constructor() {
    this.#requests = this.histogram(
      'http_request_duration_seconds',
      'Time to answer a request, by route template; its count is the request rate.',
      ['route', 'method', 'status_class'],
    );
  }

  /** Content type of `render()`. */
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';

  counter(name: string, help: string, labels: readonly string[] = []): CounterMetric {
    return this.#add(new CounterMetric(name, help, labels));
  }

  /** @param read is asked at each scrape */
  gauge(name: string, help: string, read: () => number): GaugeMetric {
    return this.#add(new GaugeMetric(name, help, read));
  }

  /** @param buckets upper bounds, ascending; seconds by default */
  histogram(
    name: string,
    help: string,
    labels: readonly string[] = [],
    buckets: readonly number[] = SECONDS,
  ): HistogramMetric {
    return this.#add(new HistogramMetric(name, help, labels, buckets));
  }

  /** One answered request. `route` is the template, never the raw path: its values would be unbounded. */
  observeRequest(route: string, method: string, status: number, seconds: number): void {
    this.#requests.observe([route, method, `${Math.floor(status / 100)}xx`], seconds);
  }

  /** The Prometheus text exposition of everything. */
  async render(): Promise<string> {
    this.#render ??= this.#load();
    return (await this.#render)();
  }

  #add<M extends Metric>(metric: M): M {
    if (this.#metrics.some(({ name }) => name === metric.name)) {
      throw new Error(`There is a metric ${metric.name} already.`);
    }
    this.#metrics.push(metric);
    return metric;
  }

  async #load(): Promise<() => Promise<string>> {
    const { Registry, collectDefaultMetrics } = await import('@prometheus-io/client');
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const registered = new Set<Metric>();
    return () => {
      for (const metric of this.#metrics) {
        if (registered.has(metric)) continue;
        registered.add(metric);
        registry.registerMetric(metric as unknown as ClientMetric);
      }
      return registry.metrics();
    };
  }
}
