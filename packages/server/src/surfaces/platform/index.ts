import type { FastifyInstance } from 'fastify';
import type { IdentityServices } from '../../core/identity/index.ts';
import { addAgentRoutes } from './agent-routes.ts';
import { addAuthRoutes } from './auth-routes.ts';
import { addDocumentRoutes } from './document-routes.ts';
import { addEventRoutes } from './event-routes.ts';
import { addLeaseRoutes } from './lease-routes.ts';
import { addMessageRoutes } from './message-routes.ts';
import { addProjectRoutes } from './project-routes.ts';
import { addRunRoutes } from './run-routes.ts';
import { addSessionRoutes } from './session-routes.ts';

/** Everything under `/api/v1`. */
export function addPlatformRoutes(
  app: FastifyInstance,
  options: { identity: IdentityServices; uploadLimitBytes: number },
): void {
  addAuthRoutes(app, options.identity);
  addProjectRoutes(app);
  addDocumentRoutes(app, options.uploadLimitBytes);
  addAgentRoutes(app);
  addSessionRoutes(app);
  addMessageRoutes(app);
  addEventRoutes(app);
  addRunRoutes(app);
  addLeaseRoutes(app);
}
