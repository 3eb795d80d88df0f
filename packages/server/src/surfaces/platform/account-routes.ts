import {
  acceptedSchema,
  addressSchema,
  changePasswordSchema,
  confirmPasswordResetSchema,
  passwordChangedSchema,
  registerSchema,
  registrationSchema,
  verifiedEmailSchema,
  verifyEmailSchema,
} from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import {
  changePassword,
  confirmPasswordReset,
  registerUser,
  requestPasswordReset,
  resendVerification,
  verifyEmail,
  type AccountParts,
} from '../../core/account/index.ts';
import { defineRoute } from '../shared/route.ts';
import { ok, okBody } from '../shared/schema.ts';

const base = { tags: ['identity'], method: 'POST', auth: 'none' } as const;
const SAME = 'The answer, and the time it takes, are the same whether or not the address has an account.';
const GONE = '410 LINK_EXPIRED when the link was used, has expired or never was.';

/** `/api/v1/auth/`: `register`, `verify-email`, `password-reset`, `password`. */
export function addAccountRoutes(app: FastifyInstance, parts: AccountParts): void {
  addRegistration(app, parts);
  addPasswords(app, parts);
}

function addRegistration(app: FastifyInstance, parts: AccountParts): void {
  defineRoute(app, {
    ...base,
    method: 'GET',
    url: '/api/v1/auth/registration',
    operationId: 'getRegistration',
    summary: 'Who may make an account: anybody, whoever was invited, or nobody',
    response: { 200: ok(registrationSchema) },
    handler: async () => okBody({ registration: parts.account.registration }),
  });
  defineRoute(app, {
    ...base,
    url: '/api/v1/auth/register',
    operationId: 'registerUser',
    summary: 'Make a user with a team of their own, and mail the link that proves the address',
    description: `${SAME} The owner of a taken address is told by mail. 403 unless REGISTRATION is open.`,
    body: registerSchema,
    response: { 202: ok(acceptedSchema) },
    fails: [403],
    handler: async (ctx, { body }) => okBody(await registerUser({ ...ctx, ...parts }, body)),
  });
  defineRoute(app, {
    ...base,
    url: '/api/v1/auth/verify-email',
    operationId: 'verifyEmail',
    summary: 'Prove an e-mail address with the token that was mailed to it',
    description: GONE,
    body: verifyEmailSchema,
    response: { 200: ok(verifiedEmailSchema) },
    fails: [410],
    handler: async (ctx, { body }) => okBody(await verifyEmail({ ...ctx, ...parts }, body)),
  });
  defineRoute(app, {
    ...base,
    url: '/api/v1/auth/verify-email/resend',
    operationId: 'resendVerification',
    summary: 'Mail another link to an address that is not proven yet',
    description: SAME,
    body: addressSchema,
    response: { 202: ok(acceptedSchema) },
    handler: async (ctx, { body }) => okBody(await resendVerification({ ...ctx, ...parts }, body)),
  });
}

function addPasswords(app: FastifyInstance, parts: AccountParts): void {
  defineRoute(app, {
    ...base,
    url: '/api/v1/auth/password-reset',
    operationId: 'requestPasswordReset',
    summary: 'Mail a link for choosing a new password, of use once within an hour',
    description: SAME,
    body: addressSchema,
    response: { 202: ok(acceptedSchema) },
    handler: async (ctx, { body }) => okBody(await requestPasswordReset({ ...ctx, ...parts }, body)),
  });
  defineRoute(app, {
    ...base,
    url: '/api/v1/auth/password-reset/confirm',
    operationId: 'confirmPasswordReset',
    summary: 'Choose a new password with a mailed token; every login of the user ends',
    description:
      `${GONE} A second factor stays, and is asked for at the next login. API keys go on, unless the address was ` +
      'not proven until now.',
    body: confirmPasswordResetSchema,
    response: { 200: ok(passwordChangedSchema) },
    fails: [410],
    handler: async (ctx, { body }) => okBody(await confirmPasswordReset({ ...ctx, ...parts }, body)),
  });
  defineRoute(app, {
    ...base,
    auth: 'required',
    accepts: ['user'],
    url: '/api/v1/auth/password',
    operationId: 'changePassword',
    summary: 'Change the password; the other logins of the user end',
    description: '400 naming current_password when that is not the current one.',
    body: changePasswordSchema,
    response: { 200: ok(passwordChangedSchema) },
    handler: async (ctx, { body }) => okBody(await changePassword({ ...ctx, ...parts }, body)),
  });
}
