import type { Client, Principal, Services } from '../context.ts';
import type { Timer } from '../ports.ts';
import { recordAudit, SYSTEM_TENANT, type AuditEntry, type Auditor } from './record.ts';

/** A refused credential (nobody is known) or a permission that was lacking. */
export interface Denial {
  principal: Principal | null;
  client: Client;
  requestId: string;
  method: string;
  /** Template of the path, not what was asked for. */
  route: string;
  /** What the caller was told; never holds a secret. */
  reason: string;
}

interface Window {
  tenantId: string;
  who: Auditor;
  entry: Omit<AuditEntry, 'details'> & { details: Record<string, unknown> };
  /** Denials since the last entry. */
  count: number;
  timer: Timer;
}

/** At most one entry for the same who and where within this time, milliseconds. */
const WINDOW_MS = 60_000;
/** So many who and where of a tenant, or of nobody known, are told apart at a time; the rest is counted together. */
const MAX_WINDOWS = 500;

/**
 * Audits denials off the path of their requests. The first is written at once; those that follow within a minute
 * are counted, and written as one entry at its end. So a flood fills neither log nor memory, and one tenant's
 * does not hide another's.
 */
export class DenialLog {
  readonly #services: Pick<Services, 'db' | 'clock' | 'logger'>;
  readonly #windows = new Map<string, Window>();
  /** Windows by tenant. */
  readonly #open = new Map<string, number>();
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(services: Pick<Services, 'db' | 'clock' | 'logger'>) {
    this.#services = services;
  }

  note(denial: Denial): void {
    if (this.#closed) return;
    const tenantId = denial.principal?.tenantId ?? SYSTEM_TENANT;
    const own = keyOf(tenantId, denial);
    const isNew = !this.#windows.has(own);
    const crowded = isNew && (this.#open.get(tenantId) ?? 0) >= MAX_WINDOWS;
    const key = crowded ? tenantId : own;
    const noted = { ...toEntry(denial, crowded), tenantId };
    const window = this.#windows.get(key);
    if (window !== undefined) {
      this.#windows.set(key, { ...window, ...noted, count: window.count + 1 });
      return;
    }
    this.#write(noted, 1);
    this.#windows.set(key, { ...noted, count: 0, timer: this.#endLater(key) });
    this.#open.set(tenantId, (this.#open.get(tenantId) ?? 0) + 1);
  }

  /** Writes what is still counted. No denial is taken after that. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const window of this.#windows.values()) {
      window.timer.cancel();
      if (window.count > 0) this.#write(window, window.count);
    }
    this.#windows.clear();
    await this.#writing;
  }

  #endLater(key: string): Timer {
    return this.#services.clock.after(WINDOW_MS, () => {
      const window = this.#windows.get(key)!;
      if (window.count > 0) {
        this.#write(window, window.count);
        this.#windows.set(key, { ...window, count: 0, timer: this.#endLater(key) });
        return;
      }
      this.#windows.delete(key);
      const open = this.#open.get(window.tenantId)! - 1;
      if (open > 0) this.#open.set(window.tenantId, open);
      else this.#open.delete(window.tenantId);
    });
  }

  /** One after the other: denials never hold more than one connection. */
  #write({ who, entry }: Pick<Window, 'who' | 'entry'>, count: number): void {
    const { db, logger } = this.#services;
    const counted = { ...entry, details: { ...entry.details, count } };
    this.#writing = this.#writing
      .then(() => db.transaction((tx) => recordAudit(tx, who, counted)))
      .catch((err: unknown) => logger.error({ err, denial: counted }, 'a denial could not be audited'));
  }
}

function keyOf(tenantId: string, { principal, client, method, route }: Denial): string {
  return `${tenantId} ${principal?.actor ?? client.ip} ${method} ${route}`;
}

function auditorOf({ principal, client, requestId }: Denial): Auditor {
  if (principal === null) return { tenantId: SYSTEM_TENANT, actor: 'anonymous', client, requestId };
  const { tenantId, actor, service, userId } = principal;
  if (service === undefined) return { tenantId, actor, client, requestId };
  return { tenantId, actor: `service:${service}`, onBehalfOf: userId, client, requestId };
}

/** @param crowded one of many that are counted together: who it was no longer matters */
function toEntry(denial: Denial, crowded: boolean): Pick<Window, 'who' | 'entry'> {
  const { principal, requestId, method, route, reason } = denial;
  const action = principal === null ? 'credential.refused' : 'access.denied';
  const id = crowded ? '*' : `${method} ${route}`;
  const who = crowded
    ? { tenantId: principal?.tenantId ?? SYSTEM_TENANT, actor: 'anonymous', requestId }
    : auditorOf(denial);
  return { who, entry: { action, targets: [{ type: 'route', id }], outcome: 'denied', details: { reason } } };
}
