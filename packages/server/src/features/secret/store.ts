import { v7 as newId } from 'uuid';
import type { Services } from '../../core/context.ts';
import { DomainError, notFound } from '../../core/errors.ts';
import type { KeyRing, Secrets, SecretUse, Unsubscribe } from '../../core/ports.ts';
import { SECRETS_TOPIC } from './change.ts';
import { openValue } from './envelope.ts';
import { selectNames } from './list-queries.ts';
import { recordUse, type UseRow } from './use-queries.ts';

type Parts = Pick<Services, 'db' | 'bus' | 'clock' | 'keyRing'>;

export interface OwnedSecrets extends Secrets {
  /** Listens to changes no more. */
  close(): void;
}

const ABSENT_MS = 30_000;
const MOST_TENANTS = 10_000;

/** The values of tenants' secrets. None of them is kept: each use reads and decrypts it anew. */
export function createSecrets(parts: Parts): OwnedSecrets {
  const absences = new Absences(parts);
  const find = async (use: SecretUse): Promise<string | null> => {
    const what = JSON.stringify([use.name, use.kind ?? null]);
    if (absences.has(use.tenantId, what)) return null;
    const known = absences.generation;
    const row = await parts.db.transaction((tx) => recordUse(tx, toRecorded(parts, use)));
    if (row === null) {
      absences.add(use.tenantId, what, known);
      return null;
    }
    return readValue(parts.keyRing, use, row);
  };
  return {
    find,
    async resolve(use) {
      const value = await find(use);
      if (value === null) throw notFound('Secret');
      return value;
    },
    names: (tenantId, kind) => selectNames(parts.db, tenantId, kind),
    close: () => absences.close(),
  };
}

function toRecorded({ clock }: Parts, use: SecretUse) {
  const { tenantId, name, kind = null, version = null, actor, purpose, runId = null } = use;
  const now = new Date(clock.now());
  return { tenantId, name, kind, version, now, accessId: newId(), actor, purpose, runId };
}

async function readValue(keyRing: KeyRing, { tenantId, name }: SecretUse, row: UseRow): Promise<string> {
  if (row.outcome === 'expired') {
    const at = row.expires_at!.toISOString();
    throw new DomainError('SECRET_UNAVAILABLE', `The secret "${name}" expired at ${at}.`, {
      suggestion: 'Give it a new value with a later expiry, or none.',
    });
  }
  if (row.version === null) {
    throw new DomainError('SECRET_UNAVAILABLE', `The secret "${name}" has no version that may be used.`, {
      suggestion: 'Give it a new value.',
    });
  }
  try {
    return await openValue(keyRing, { tenantId, secretId: row.id, version: row.version }, row);
  } catch (cause) {
    throw new DomainError('SECRET_UNAVAILABLE', `The secret "${name}" cannot be decrypted.`, { cause });
  }
}

/**
 * Which secrets tenants do not have, so that a model call without one costs no query.
 * Forgotten after 30 seconds, and at once when a server says that the tenant's secrets changed.
 */
class Absences {
  readonly #clock: Parts['clock'];
  readonly #until = new Map<string, Map<string, number>>();
  readonly #leave: Unsubscribe[] = [];
  #closed = false;
  /** Rises with every change heard of: what was read before one is not kept. */
  generation = 0;

  constructor({ bus, clock }: Parts) {
    this.#clock = clock;
    this.#leave.push(bus.onGap(() => this.#forget(null)));
    bus
      .subscribe(SECRETS_TOPIC, (tenantId) => this.#forget(tenantId))
      .then(
        (leave) => (this.#closed ? leave() : void this.#leave.push(leave)),
        () => {},
      );
  }

  has(tenantId: string, what: string): boolean {
    const until = this.#until.get(tenantId)?.get(what);
    return until !== undefined && this.#clock.monotonic() < until;
  }

  add(tenantId: string, what: string, generation: number): void {
    if (generation !== this.generation) return;
    if (this.#until.size >= MOST_TENANTS) this.#until.clear();
    const mine = this.#until.get(tenantId) ?? new Map<string, number>();
    // A name can be anything; of one tenant only a few are asked for again.
    if (mine.size >= 100) mine.clear();
    this.#until.set(tenantId, mine.set(what, this.#clock.monotonic() + ABSENT_MS));
  }

  close(): void {
    this.#closed = true;
    for (const leave of this.#leave.splice(0)) leave();
  }

  #forget(tenantId: string | null): void {
    this.generation += 1;
    if (tenantId === null) this.#until.clear();
    else this.#until.delete(tenantId);
  }
}
