export { addHealthRoute } from './health.ts';
export type { HealthCheck } from './health-check.ts';
export { addServiceHealthRoute, serviceChecks } from './service-health.ts';
export { addMetricsRoute, type MetricsSource } from './metrics.ts';
