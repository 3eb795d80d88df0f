import { v7 as newId } from 'uuid';
import type { Services } from '../context.ts';
import type { SigningKeys } from '../ports.ts';
import { findActiveKey, insertFirstKey, selectSigningKeys } from './signing-key-queries.ts';

/** A key that was retired early is refused on every server after this time, milliseconds. */
const MAX_AGE_MS = 10_000;
/** Between two looks for an unknown key: forged ids must not cost a query each. */
const PAUSE_MS = 1000;

/** The signing keys as this process knows them. The database is asked now and then, not at each request. */
export class SigningKeyRing implements SigningKeys {
  readonly #services: Pick<Services, 'db' | 'clock'>;
  /** By kid: when it retires, milliseconds since 1970, or null. */
  #keys = new Map<string, number | null>();
  #loadedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(services: Pick<Services, 'db' | 'clock'>) {
    this.#services = services;
  }

  async active(): Promise<string> {
    const { db, clock } = this.#services;
    let kid = await findActiveKey(db);
    if (kid === null) {
      await insertFirstKey(db, { kid: newId(), now: new Date(clock.now()) });
      kid = (await findActiveKey(db))!;
    }
    // What it signs will come back at once.
    this.#keys.set(kid, null);
    return kid;
  }

  async verifies(kid: string): Promise<boolean> {
    const { clock } = this.#services;
    if (clock.monotonic() - this.#loadedAt >= MAX_AGE_MS) await this.#load();
    if (!this.#keys.has(kid)) await this.#loadSoon();
    const retiresAt = this.#keys.get(kid);
    return retiresAt === null || (retiresAt !== undefined && retiresAt > clock.now());
  }

  /** Joins a load that is under way. */
  #load(): Promise<void> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /**
   * A load that begins after this call, together with all who ask meanwhile: another server may have made the
   * key a moment ago, so refusing it unseen would refuse a good token.
   */
  #loadSoon(): Promise<void> {
    this.#next ??= this.#pause().then(() => {
      this.#next = null;
      return this.#load();
    });
    return this.#next;
  }

  async #pause(): Promise<void> {
    const { clock } = this.#services;
    await this.#settled();
    const wait = this.#loadedAt + PAUSE_MS - clock.monotonic();
    if (wait > 0) await new Promise<void>((resolve) => void clock.after(wait, resolve));
    await this.#settled();
  }

  /** A load that fails is told to those who began it. */
  #settled(): Promise<void> | null {
    return this.#loading?.catch(() => {}) ?? null;
  }

  async #read(): Promise<void> {
    const { db, clock } = this.#services;
    const begin = clock.monotonic();
    const rows = await selectSigningKeys(db);
    this.#keys = new Map(rows.map((row) => [row.kid, row.retires_at?.getTime() ?? null]));
    this.#loadedAt = begin;
  }
}
