import type { Client, CredentialKind } from '../context.ts';
import type { FleetKeys } from '../fleet-key/index.ts';
import type { GuestServices } from '../guest/index.ts';
import type { IdentityServices } from '../identity/index.ts';
import type { SignedRequest, SignedServiceServices } from '../signed-service/index.ts';

/** A credential as it was shown. Which kind a bearer is, its look tells. */
export interface ShownCredential {
  source: 'bearer' | 'x-api-key' | 'subprotocol' | 'signature' | 'guest-headers' | 'guest-cookie';
  /** What is secret in it: token, key, signature, guest secret or cookie value. */
  token: string;
  /** Of guest headers. */
  guestId?: string;
  /** Of a signature. */
  signed?: SignedRequest;
}

/** Where it was shown. */
export interface Entrance {
  /** Kinds that are taken there. */
  accepts: readonly CredentialKind[];
  client?: Client;
  requestId?: string;
}

/** What checking all kinds of credential needs. */
export interface CredentialServices {
  readonly identity: IdentityServices;
  readonly fleetKeys: FleetKeys;
  readonly signedServices: SignedServiceServices;
  readonly guests: GuestServices;
}
