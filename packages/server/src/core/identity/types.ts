import type { Client, Services } from '../context.ts';
import type { Accounts, Tokens } from '../ports.ts';
import type { Sightings } from './sightings.ts';

/** What a request showed, already taken out of its headers. */
export interface Credential {
  kind: 'bearer' | 'api_key';
  value: string;
}

/** What the verbs need that come before anybody is known. */
export interface IdentityServices extends Pick<Services, 'db' | 'clock' | 'limits'> {
  readonly accounts: Accounts;
  readonly tokens: Tokens;
  readonly sightings: Sightings;
  /** How long a login can be refreshed, milliseconds; then it takes the password again. */
  readonly loginTtlMs: number;
  /** Whether a login needs a proven address; default false. */
  readonly requireVerifiedEmail?: boolean;
}

/** Where a request without a credential comes from, for the audit log. */
export interface Origin {
  client?: Client;
  requestId?: string;
}
