export { DashboardBuild, type BuildState } from './build.ts';
export { addDashboardRoutes } from './routes.ts';
