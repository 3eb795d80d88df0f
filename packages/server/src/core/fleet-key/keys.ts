import { createHash, timingSafeEqual } from 'node:crypto';

/** Keys of the environment for the machines of a fleet. */
export interface FleetKeyList {
  keys: readonly string[];
  /** Those that may also do what is for administrators. When there are none, each key may. */
  adminKeys: readonly string[];
}

interface Entry {
  id: string;
  digest: Buffer;
  admin: boolean;
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** The keys of `API_KEYS` and `ADMIN_API_KEYS`, of which only digests are kept. */
export class FleetKeys {
  /** Whether administration needs a key of its own. */
  readonly separatesAdmin: boolean;
  /** Set at the first use, so that later ones need no statement. */
  tenantExists = false;
  readonly #entries: readonly Entry[];

  constructor({ keys, adminKeys }: FleetKeyList) {
    this.separatesAdmin = adminKeys.length > 0;
    const all = new Map<string, Entry>();
    const add = (key: string, admin: boolean): void => {
      const digest = digestOf(key);
      all.set(key, { id: `fleet-${digest.toString('hex').slice(0, 12)}`, digest, admin });
    };
    for (const key of keys) add(key, false);
    for (const key of adminKeys) add(key, true);
    this.#entries = [...all.values()];
  }

  /** Compares with every key, whole digests in constant time: how long it takes tells nothing. */
  find(key: string): { id: string; admin: boolean } | null {
    const digest = digestOf(key);
    let found: Entry | null = null;
    for (const entry of this.#entries) if (timingSafeEqual(entry.digest, digest)) found = entry;
    return found === null ? null : { id: found.id, admin: found.admin };
  }
}
