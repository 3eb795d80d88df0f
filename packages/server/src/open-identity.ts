import type { Config } from './config.ts';
import type { AccountParts } from './core/account/index.ts';
import type { Services } from './core/context.ts';
import { Sightings, SigningKeyRing, type IdentityServices } from './core/identity/index.ts';
import { resealFactors, type TwoFactorParts } from './core/two-factor/index.ts';
import { createAccounts, createAuthenticators, createTokens, loadSigningSecret } from './infra/auth/index.ts';

/** Longer than a password hash and a transaction take on a busy machine. */
const ANSWER_FLOOR_MS = 400;

/** Users, their tokens and logins. */
export function openIdentity(config: Config, { db, clock, limits, logger }: Services): IdentityServices {
  const { jwtSecret, previousJwtSecret: previousSecret, tokenTtlMs, loginTtlMs } = config.identity;
  const secret = jwtSecret ?? loadSigningSecret(config.dataDir);
  const keys = new SigningKeyRing({ db, clock });
  return {
    db,
    clock,
    limits,
    accounts: createAccounts(db, secret),
    tokens: createTokens({ secret, previousSecret, keys, ttlMs: tokenTtlMs, clock }),
    sightings: new Sightings({ db, clock, logger }),
    loginTtlMs,
    requireVerifiedEmail: config.account.requireVerifiedEmail,
  };
}

/** What people do with their own accounts. */
export function openAccount(
  { account, dataDir, identity }: Config,
  { accounts }: IdentityServices,
): AccountParts & TwoFactorParts {
  const secret = identity.jwtSecret ?? loadSigningSecret(dataDir);
  return {
    accounts,
    account: { registration: account.registration, answerFloorMs: ANSWER_FLOOR_MS },
    authenticators: createAuthenticators({ secret, previousSecret: identity.previousJwtSecret }),
  };
}

/** After a change of JWT_SECRET, what is encrypted under the old one. */
export async function moveFactors(
  { db, logger }: Services,
  { authenticators }: TwoFactorParts,
): Promise<void> {
  const { moved, lost } = await resealFactors({ db, authenticators });
  if (moved > 0) logger.info({ moved }, 'second factors are encrypted under the new JWT_SECRET');
  if (lost > 0) {
    logger.error({ lost }, 'second factors are under an unknown JWT_SECRET; set JWT_SECRET_PREVIOUS to it');
  }
}
