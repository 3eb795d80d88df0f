import type { EventLog } from './log/index.ts';
import type { Bus, Clock, Db, KeyRing, Limits, Logger, Models, Notary, Secrets, Tools } from './ports.ts';
import type { Signals } from './signal/index.ts';
import { DomainError } from './errors.ts';
import type { IfMatch } from './precondition.ts';

/** What a credential may do. `admin` includes the rest; `hold` is the right to work as a holder. */
export const SCOPES = ['read', 'write', 'hold', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** The ways in. A surface says which of them it takes. */
export const CREDENTIAL_KINDS = ['user', 'api_key', 'fleet_key', 'service', 'guest'] as const;
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number];

/** What a tenant has paid for; rate limits grow with it. */
export const TIERS = ['free', 'pro', 'enterprise'] as const;
export type Tier = (typeof TIERS)[number];

/** Who is asking, whatever kind of credential was shown. */
export interface Principal {
  kind: CredentialKind | 'server';
  tenantId: string;
  /** `user:<id>`, `key:<id>`, `guest:<id>` or `server:<id>`; recorded as the actor of events. */
  actor: string;
  /** Of a user, also of the one a signed service acts for. */
  userId: string | null;
  /** Name of the signed service that speaks for the user. */
  service?: string;
  /** The project a guest belongs to. */
  projectId?: string;
  /** Absent means `free`. */
  tier?: Tier;
  /** The login (`user_sessions.id`) that a user's token belongs to. */
  loginId?: string;
  /** How often an API key had been rotated when its secret was made: tells its secrets apart. */
  rotation?: number;
  scopes: ReadonlySet<Scope>;
  /** Milliseconds since 1970 after which a stream opened with this credential must end. */
  expiresAt: number | null;
}

/** The few values of the configuration that verbs depend on. */
export interface Settings {
  /** How long a holder may be silent, milliseconds. */
  readonly leaseTtlMs: number;
  /** Take-overs after which a run counts as poisonous and fails. */
  readonly maxRecoveries: number;
  /** Where people reach this server, without a slash at the end; the links in mails begin with it. */
  readonly publicUrl: string;
  /** Whether the text of queued mails may be read over the API: no mail server, and not in production. */
  readonly showsMail: boolean;
}

/** Where a request came from; absent for work of the server's own. */
export interface Client {
  /** Of the peer, or what a trusted proxy says of it. */
  ip: string;
  userAgent: string | null;
}

/** What every verb may use, apart from who asks. */
export interface Services {
  readonly db: Db;
  readonly bus: Bus;
  readonly log: EventLog;
  readonly signals: Signals;
  readonly models: Models;
  readonly tools: Tools;
  readonly limits: Limits;
  readonly keyRing: KeyRing;
  readonly secrets: Secrets;
  readonly notary: Notary;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: Settings;
}

/** First argument of every verb. */
export interface Ctx extends Services {
  readonly principal: Principal;
  readonly requestId: string;
  readonly client?: Client;
  /** The request's Idempotency-Key, if it has one. */
  readonly idempotencyKey?: string;
  /** The request's If-Match, if it has one; see `requireMatch`. */
  readonly ifMatch?: IfMatch;
  /** Called when the answer is the stored one of an earlier request. */
  readonly onReplay?: () => void;
}

export function requireScope(ctx: Ctx, scope: Scope): void {
  const { scopes } = ctx.principal;
  if (scopes.has(scope) || scopes.has('admin')) return;
  throw new DomainError('FORBIDDEN', `This credential lacks the scope "${scope}".`, {
    details: { required_scope: scope },
  });
}
