export { addHealthRoute } from './health.ts';
export { addMetricsRoute, type MetricsSource } from './metrics.ts';
