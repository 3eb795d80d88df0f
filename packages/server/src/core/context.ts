import type { EventLog } from './log/index.ts';
import type { Bus, Clock, Db, Logger, Models, Tools } from './ports.ts';
import type { Signals } from './signal/index.ts';
import { DomainError } from './errors.ts';

/** What a credential may do. `admin` includes the rest; `hold` is the right to work as a holder. */
export const SCOPES = ['read', 'write', 'hold', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Who is asking, whatever kind of credential was shown. */
export interface Principal {
  kind: 'user' | 'api_key' | 'server';
  tenantId: string;
  /** `user:<id>`, `key:<id>` or `server:<id>`; recorded as the actor of events. */
  actor: string;
  userId: string | null;
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
}

/** What every verb may use, apart from who asks. */
export interface Services {
  readonly db: Db;
  readonly bus: Bus;
  readonly log: EventLog;
  readonly signals: Signals;
  readonly models: Models;
  readonly tools: Tools;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: Settings;
}

/** First argument of every verb. */
export interface Ctx extends Services {
  readonly principal: Principal;
  readonly requestId: string;
  /** The request's Idempotency-Key, if it has one. */
  readonly idempotencyKey?: string;
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
