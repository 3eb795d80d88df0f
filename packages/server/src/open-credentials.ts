import type { Config } from './config.ts';
import type { Services } from './core/context.ts';
import type { CredentialServices } from './core/credential/index.ts';
import { FleetKeys } from './core/fleet-key/index.ts';
import { GuestCookies } from './core/guest/index.ts';
import type { IdentityServices } from './core/identity/index.ts';
import { loadSigningSecret } from './infra/auth/index.ts';

/** Every way in, and what it is checked against. */
export function openCredentials(
  { credential, dataDir, identity: secrets }: Config,
  services: Services,
  identity: IdentityServices,
): CredentialServices {
  const secret = secrets.jwtSecret ?? loadSigningSecret(dataDir);
  const { previousJwtSecret: previous } = secrets;
  const { fleet, chat } = credential;
  const { db, clock } = services;
  return {
    identity,
    fleetKeys: new FleetKeys(fleet),
    signedServices: {
      db,
      clock,
      signedService: chat === null ? null : { ...chat, name: 'chat', scopes: ['read', 'write'] },
    },
    guests: { db, clock, cookies: new GuestCookies(previous === undefined ? [secret] : [secret, previous]) },
  };
}
