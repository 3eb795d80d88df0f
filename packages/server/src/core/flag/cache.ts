import {
  FEATURE_FLAG_NAMES,
  FEATURE_FLAGS,
  type FeatureFlagName,
  type SetFeatureFlag,
} from '@holdfast/protocol';
import type { Services } from '../context.ts';
import type { Unsubscribe } from '../ports.ts';
import { selectFlags } from './queries.ts';

const TOPIC = 'flags';
/** How late another server may be when the hint to it was lost. */
const FRESH_MS = 5000;
const MAX_TENANTS = 10_000;

export type FlagStates = Readonly<Record<FeatureFlagName, boolean>>;

interface Known {
  readonly readAt: number;
  readonly set: Promise<readonly SetFeatureFlag[]>;
}

/** What routes read. */
export type Flags = Pick<FlagCache, 'isOn' | 'statesOf'>;

/** As nobody has set any. */
export const DEFAULT_FLAGS: Flags = {
  isOn: async (_tenantId, _version, name) => FEATURE_FLAGS[name].default,
  statesOf: async () => mergeFlags([], 'v1'),
};

/** Flags as routes read them: from memory, at most five seconds behind the database. */
export class FlagCache {
  readonly #services: Pick<Services, 'db' | 'bus' | 'clock'>;
  readonly #known = new Map<string, Known>();
  #leave: Unsubscribe = () => {};

  constructor(services: Pick<Services, 'db' | 'bus' | 'clock'>) {
    this.#services = services;
    services.bus
      .subscribe(TOPIC, (tenantId) => void this.#known.delete(tenantId))
      .then(
        (leave) => (this.#leave = leave),
        () => {},
      );
  }

  async isOn(tenantId: string, version: string, name: FeatureFlagName): Promise<boolean> {
    return (await this.statesOf(tenantId, version))[name];
  }

  async statesOf(tenantId: string, version: string): Promise<FlagStates> {
    return mergeFlags(await this.#read(tenantId), version);
  }

  /** To be called after the commit of a change. */
  changed(tenantId: string): void {
    this.#known.delete(tenantId);
    this.#services.bus.publish(TOPIC, tenantId);
  }

  close(): void {
    this.#leave();
  }

  #read(tenantId: string): Promise<readonly SetFeatureFlag[]> {
    const now = this.#services.clock.monotonic();
    const known = this.#known.get(tenantId);
    if (known !== undefined && now - known.readAt < FRESH_MS) return known.set;
    if (this.#known.size >= MAX_TENANTS) this.#known.clear();
    const set = selectFlags(this.#services.db, tenantId);
    this.#known.set(tenantId, { readAt: now, set });
    set.catch(() => {
      if (this.#known.get(tenantId)?.set === set) this.#known.delete(tenantId);
    });
    return set;
  }
}

function mergeFlags(set: readonly SetFeatureFlag[], version: string): FlagStates {
  const states = FEATURE_FLAG_NAMES.map((name) => {
    const own = set.find((flag) => flag.version === version && flag.name === name);
    return [name, own?.enabled ?? FEATURE_FLAGS[name].default];
  });
  return Object.fromEntries(states) as FlagStates;
}
