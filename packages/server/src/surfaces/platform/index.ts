import type { FastifyInstance } from 'fastify';
import type { AccountParts } from '../../core/account/index.ts';
import type { GuestServices } from '../../core/guest/index.ts';
import type { IdentityServices } from '../../core/identity/index.ts';
import type { TwoFactorParts } from '../../core/two-factor/index.ts';
import { addAccountRoutes } from './account-routes.ts';
import type { UsageCounter } from '../../core/api-usage/index.ts';
import type { FlagCache } from '../../core/flag/index.ts';
import { addAgentRoutes } from './agent-routes.ts';
import { addApiKeyRoutes } from './api-key-routes.ts';
import { addApiRoutes, createReadConfig } from './api-routes.ts';
import { addAuditRoutes } from './audit-routes.ts';
import { addDocumentRoutes } from './document-routes.ts';
import { addEventRoutes } from './event-routes.ts';
import { addGuestRoutes } from './guest-routes.ts';
import { addInvitationRoutes } from './invitation-routes.ts';
import { addLeaseRoutes } from './lease-routes.ts';
import { addLimitRoutes } from './limit-routes.ts';
import { addLoginRoutes } from './login-routes.ts';
import { addMailRoutes } from './mail-routes.ts';
import { addMeRoutes } from './me-routes.ts';
import { addMessageRoutes } from './message-routes.ts';
import { addProfileRoutes } from './profile-routes.ts';
import { addProjectRoutes } from './project-routes.ts';
import { addRunRoutes } from './run-routes.ts';
import { addSecretRoutes } from './secret-routes.ts';
import { addSessionRoutes } from './session-routes.ts';
import { addSigningKeyRoutes } from './signing-key-routes.ts';
import { addTeamRoutes } from './team-routes.ts';
import { addTwoFactorRoutes } from './two-factor-routes.ts';
import { addUserSessionRoutes } from './user-session-routes.ts';
import { addPlatformV2Routes } from './v2/index.ts';

/** Everything under `/api/v1` and `/api/v2`. */
export function addPlatformRoutes(
  app: FastifyInstance,
  options: {
    identity: IdentityServices;
    guests: GuestServices;
    account: AccountParts & TwoFactorParts;
    uploadLimitBytes: number;
    bodyLimitBytes: number;
    flags: FlagCache;
    usage: UsageCounter;
  },
): void {
  addLoginRoutes(app, options.identity);
  addUserSessionRoutes(app);
  addAccountRoutes(app, options.account);
  addTwoFactorRoutes(app, { ...options.account, identity: options.identity });
  addSigningKeyRoutes(app, options.identity);
  addApiKeyRoutes(app);
  addMeRoutes(app);
  addGuestRoutes(app, options.guests);
  addTeamRoutes(app);
  addInvitationRoutes(app, options.account);
  addProfileRoutes(app);
  addMailRoutes(app);
  addProjectRoutes(app);
  addDocumentRoutes(app, options.uploadLimitBytes);
  addAgentRoutes(app);
  addSessionRoutes(app);
  addMessageRoutes(app);
  addEventRoutes(app);
  addRunRoutes(app);
  addLeaseRoutes(app);
  addAuditRoutes(app);
  addLimitRoutes(app);
  addSecretRoutes(app);
  const { flags, usage, bodyLimitBytes: body, uploadLimitBytes: upload } = options;
  const configOf = createReadConfig(flags, { body, upload });
  addApiRoutes(app, { flags, usage, configOf });
  addPlatformV2Routes(app, configOf);
}
