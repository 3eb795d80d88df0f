import { parseHead, recordAudit, type ChainEnd } from '../../core/audit/index.ts';
import type { Services } from '../../core/context.ts';
import type { SignedHead } from '../../core/ports.ts';
import {
  fetchHead,
  selectExistingChains,
  selectHashes,
  selectHeads,
  selectTrimmed,
} from './chain-queries.ts';

export type HeadServices = Pick<Services, 'db' | 'notary' | 'clock' | 'logger'>;

export interface HeadOptions {
  /** Entries after which a chain gets a head at once. */
  everyEntries: number;
  /** Age of a chain's last head at which it gets another one if it has moved. */
  everyMs: number;
}

type Chain = ChainEnd & { tenant_id: string };
type Signed = ChainEnd & { at: number };

const BATCH = 500;

/**
 * Signs the ends of the chains into the notary's file. A chain that does not hold the entry that was signed last is
 * reported and gets no other head: a signature would bless what replaced it.
 */
export class HeadKeeper {
  readonly #services: HeadServices;
  readonly #options: HeadOptions;
  /** The last head of each chain in this server's file. */
  readonly #signed = new Map<string, Signed>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(services: HeadServices, options: HeadOptions) {
    this.#services = services;
    this.#options = options;
  }

  /**
   * Reads the file. Where it is ahead of the database, the database is older than it was: a backup was restored. That
   * chain gets an entry `audit.resealed` that says so, and a head from which verification goes on.
   * @returns the tenants whose chain was resealed
   */
  async open(): Promise<string[]> {
    const { notary } = this.#services;
    for await (const line of notary.read()) {
      const head = parseHead(line);
      if (head !== null && notary.check(head) === 'valid') this.#remember(head);
    }
    const known = [...this.#signed].map(([tenant_id, { seq }]) => ({ tenant_id, seq }));
    const ends = new Map<string, number>();
    for (let from = 0; from < known.length; from += BATCH) {
      const batch = known.slice(from, from + BATCH).map(({ tenant_id }) => tenant_id);
      for (const { tenant_id, seq } of await selectExistingChains(this.#services.db, batch))
        ends.set(tenant_id, seq);
    }
    const behind = known.filter(({ tenant_id, seq }) => (ends.get(tenant_id) ?? seq) < seq);
    for (const { tenant_id } of behind) await this.#reseal(tenant_id);
    return behind.map(({ tenant_id }) => tenant_id);
  }

  /** Signs what is due; with `all`, whatever has moved. One call at a time works, the others wait. */
  tick(all = false): Promise<void> {
    const turn = this.#turn.then(() => this.#tick(all));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Signs whatever has moved, at the end of the server. */
  close(): Promise<void> {
    return this.tick(true).catch((err: unknown) =>
      this.#services.logger.error({ err }, 'the ends of the audit log could not be signed'),
    );
  }

  async #tick(all: boolean): Promise<void> {
    let after: string | null = null;
    for (;;) {
      const chains: Chain[] = await selectHeads(this.#services.db, after, BATCH);
      await this.#sign(await this.#withoutBroken(chains.filter((chain) => this.#isDue(chain, all))));
      if (chains.length < BATCH) return;
      after = chains.at(-1)!.tenant_id;
    }
  }

  #isDue({ tenant_id, seq }: Chain, all: boolean): boolean {
    const last = this.#signed.get(tenant_id);
    if (seq === (last?.seq ?? 0)) return false;
    if (all || last === undefined || seq - last.seq >= this.#options.everyEntries) return true;
    return this.#services.clock.now() - last.at >= this.#options.everyMs;
  }

  /** Leaves out chains in which the entry signed last is another one now, or is gone and not by the retention. */
  async #withoutBroken(chains: readonly Chain[]): Promise<Chain[]> {
    const { db, logger } = this.#services;
    const places = chains.flatMap(({ tenant_id }) => {
      const last = this.#signed.get(tenant_id);
      return last === undefined ? [] : [{ tenant_id, seq: last.seq }];
    });
    const hashes = await selectHashes(db, places);
    const trimmed = await selectTrimmed(
      db,
      places.map(({ tenant_id }) => tenant_id),
    );
    return chains.filter(({ tenant_id }) => {
      const last = this.#signed.get(tenant_id);
      if (last === undefined || last.seq <= (trimmed.get(tenant_id) ?? 0)) return true;
      if (hashes.get(`${tenant_id}:${last.seq}`) === last.hash) return true;
      const fields = { tenant_id, seq: last.seq };
      logger.error(fields, 'the audit log does not hold the entry that was signed: it was tampered with');
      return false;
    });
  }

  async #sign(chains: readonly Chain[]): Promise<void> {
    const { notary, clock } = this.#services;
    const heads = chains.map(({ tenant_id, seq, hash }) =>
      notary.sign({ kind: 'head', tenant_id, seq, hash }, clock.now()),
    );
    await notary.append(heads);
    for (const head of heads) this.#remember(head);
  }

  async #reseal(tenantId: string): Promise<void> {
    const { db, notary, clock, logger } = this.#services;
    const lost = this.#signed.get(tenantId)!;
    const after = await db.transaction(async (tx) => {
      const { seq: after_seq } = await fetchHead(tx, tenantId);
      const details = { after_seq, lost_seq: lost.seq, lost_hash: lost.hash };
      const targets = [{ type: 'audit_log', id: tenantId }];
      await recordAudit(
        tx,
        { tenantId, actor: 'server:audit' },
        { action: 'audit.resealed', targets, details },
      );
      return after_seq;
    });
    const { seq, hash } = await fetchHead(db, tenantId);
    const said = {
      kind: 'reseal',
      tenant_id: tenantId,
      seq,
      hash,
      after_seq: after,
      lost_seq: lost.seq,
    } as const;
    const head = notary.sign(said, clock.now());
    await notary.append([head]);
    this.#signed.set(tenantId, { seq, hash, at: clock.now() });
    const fields = { tenant_id: tenantId, after_seq: after, lost_seq: lost.seq };
    logger.warn(fields, 'the audit log is older than its signed heads, as after a restored backup; resealed');
  }

  /** Servers that share a file may write their heads out of order. */
  #remember({ tenant_id, kind, seq, hash, time }: SignedHead): void {
    const last = this.#signed.get(tenant_id);
    if (kind === 'checkpoint' || (kind === 'head' && last !== undefined && last.seq >= seq)) return;
    this.#signed.set(tenant_id, { seq, hash, at: Date.parse(time) });
  }
}
