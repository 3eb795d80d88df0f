import {
  backupCodesSchema,
  disableTwoFactorSchema,
  loginReplySchema,
  twoFactorCodeSchema,
  twoFactorSetupSchema,
  twoFactorStatusSchema,
  verifyTwoFactorSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import type { IdentityServices } from '../../core/identity/index.ts';
import {
  disableTwoFactor,
  enableTwoFactor,
  getTwoFactor,
  regenerateBackupCodes,
  setUpTwoFactor,
  verifyTwoFactor,
  type TwoFactorParts,
} from '../../core/two-factor/index.ts';
import { defineRoute } from '../shared/route.ts';
import { ok, okBody } from '../shared/schema.ts';

const base = { tags: ['identity'], method: 'POST', auth: 'required', accepts: ['user'] } as const;

/** `/api/v1/auth/2fa`. */
export function addTwoFactorRoutes(
  app: FastifyInstance,
  parts: TwoFactorParts & { identity: IdentityServices },
): void {
  addSecondStep(app, parts);
  addFactor(app, parts);
  addBackupCodes(app, parts);
}

function addSecondStep(
  app: FastifyInstance,
  { identity, ...parts }: TwoFactorParts & { identity: IdentityServices },
): void {
  defineRoute(app, {
    ...base,
    auth: 'none',
    accepts: [],
    url: '/api/v1/auth/2fa/verify',
    operationId: 'verifyTwoFactor',
    summary: 'Second step of a login: exchange a challenge and a code for a token',
    description:
      'A login whose password was right answers 401 TWO_FACTOR_REQUIRED when the user has a second factor; its ' +
      '`details` are a TwoFactorChallenge. Send `challenge_token` here with `code` (six digits of the app) or ' +
      '`backup_code`. A challenge serves one login, lives five minutes and bears five codes; a code is taken ' +
      'once. 401 UNAUTHORIZED for a wrong or used code, and when the challenge has ended.',
    body: verifyTwoFactorSchema,
    response: { 200: ok(loginReplySchema) },
    fails: [401],
    handler: async (ctx, { body }) => okBody(await verifyTwoFactor({ ...ctx, ...identity, ...parts }, body)),
  });
}

function addFactor(app: FastifyInstance, parts: TwoFactorParts): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/auth/2fa',
    operationId: 'getTwoFactor',
    summary: 'Whether the user has a second factor, and how many backup codes are left',
    response: { 200: ok(twoFactorStatusSchema) },
    handler: async (ctx) => okBody(await getTwoFactor(ctx)),
  });
  defineRoute(app, {
    ...base,
    url: '/api/v1/auth/2fa/setup',
    operationId: 'setUpTwoFactor',
    summary: 'Make a secret for an authenticator app; nothing changes until it is enabled',
    description: '403 EMAIL_NOT_VERIFIED until the address is proven; 409 when a second factor is enabled.',
    response: { 200: ok(twoFactorSetupSchema) },
    handler: async (ctx) => okBody(await setUpTwoFactor({ ...ctx, ...parts })),
  });
  defineRoute(app, {
    ...base,
    url: '/api/v1/auth/2fa/enable',
    operationId: 'enableTwoFactor',
    summary: 'Turn the second factor on with a code of the app; shows the backup codes, once',
    description: '400 naming `code` when it is wrong; 409 when nothing is set up or it is enabled already.',
    body: twoFactorCodeSchema,
    response: { 200: ok(backupCodesSchema) },
    handler: async (ctx, { body }) => okBody(await enableTwoFactor({ ...ctx, ...parts }, body)),
  });
  defineRoute(app, {
    ...base,
    url: '/api/v1/auth/2fa/disable',
    operationId: 'disableTwoFactor',
    summary: 'Turn the second factor off with the password and a code',
    description: '400 naming `password`, `code` or `backup_code` when it is wrong; 409 when none is enabled.',
    body: disableTwoFactorSchema,
    response: { 200: ok(twoFactorStatusSchema) },
    handler: async (ctx, { body }) => okBody(await disableTwoFactor({ ...ctx, ...parts }, body)),
  });
}

function addBackupCodes(app: FastifyInstance, parts: TwoFactorParts): void {
  defineRoute(app, {
    ...base,
    url: '/api/v1/auth/2fa/backup-codes',
    operationId: 'regenerateBackupCodes',
    summary: 'Replace the backup codes; shows the new ones, once',
    description: '400 naming `code` when it is wrong; 409 when no second factor is enabled.',
    body: twoFactorCodeSchema,
    response: { 200: ok(backupCodesSchema) },
    handler: async (ctx, { body }) => okBody(await regenerateBackupCodes({ ...ctx, ...parts }, body)),
  });
}
