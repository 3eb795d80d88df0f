import type { Services } from '../../core/context.ts';
import type { Tx } from '../../core/ports.ts';
import { rewrapEnvelope } from './envelope.ts';
import { lockOutdated, updateWrapped, type VersionKey, type WrappedRow } from './rewrap-queries.ts';

type Parts = Pick<Services, 'db' | 'keyRing' | 'logger'>;

const BATCH = 100;

export interface PassOptions {
  /** Rows of one transaction; 100 unless told. */
  batch?: number;
  /** Called in the transaction of each batch, with what it has done. */
  onBatch?(tx: Tx, rewrapped: number): Promise<void>;
  /** Ends the pass between two batches. */
  signal?: AbortSignal;
}

export interface PassResult {
  rewrapped: number;
  /** Versions that no key of the ring opens; they are logged and left as they are. */
  failed: number;
}

interface Batch extends PassResult {
  /** Null when there was nothing left. */
  last: VersionKey | null;
}

/**
 * Goes once through all versions that are not under the ring's current key and wraps their keys anew, batch by batch.
 * What a batch did is committed with it, so a pass may end at any moment and another go on. Values stay readable all along.
 */
export async function rewrapPass(
  parts: Parts,
  { batch = BATCH, onBatch, signal }: PassOptions = {},
): Promise<PassResult> {
  const result: PassResult = { rewrapped: 0, failed: 0 };
  let after: VersionKey | null = null;
  while (signal?.aborted !== true) {
    const from = after;
    const done: Batch = await parts.db.transaction((tx) => rewrapBatch(tx, parts, from, batch, onBatch));
    result.rewrapped += done.rewrapped;
    result.failed += done.failed;
    after = done.last;
    if (after === null) break;
  }
  return result;
}

async function rewrapBatch(
  tx: Tx,
  parts: Parts,
  after: VersionKey | null,
  limit: number,
  onBatch: PassOptions['onBatch'],
): Promise<Batch> {
  const rows = await lockOutdated(tx, parts.keyRing.currentId, after, limit);
  const renewed: WrappedRow[] = [];
  for (const row of rows) {
    const fresh = await rewrapRow(parts, row);
    if (fresh !== null) renewed.push(fresh);
  }
  await updateWrapped(tx, renewed);
  if (renewed.length > 0) await onBatch?.(tx, renewed.length);
  const failed = rows.length - renewed.length;
  return { rewrapped: renewed.length, failed, last: rows.at(-1) ?? null };
}

async function rewrapRow({ keyRing, logger }: Parts, row: WrappedRow): Promise<WrappedRow | null> {
  const place = { tenantId: row.tenant_id, secretId: row.secret_id, version: row.version };
  try {
    return { ...row, ...(await rewrapEnvelope(keyRing, place, row)) };
  } catch (err) {
    logger.error({ err, ...place, key_id: row.key_id }, 'a secret version cannot be wrapped anew');
    return null;
  }
}
