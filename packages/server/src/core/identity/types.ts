import type { Services } from '../context.ts';
import type { Accounts, Tokens } from '../ports.ts';

/** What a request showed, already taken out of its headers. */
export interface Credential {
  kind: 'bearer' | 'api_key';
  value: string;
}

/** What the verbs need that come before anybody is known. */
export interface IdentityServices extends Pick<Services, 'db' | 'clock'> {
  readonly accounts: Accounts;
  readonly tokens: Tokens;
}
