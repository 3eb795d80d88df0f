import type { SecretRewrap } from '@holdfast/protocol';
import { v7 as newId } from 'uuid';
import { auditor, recordAudit, SYSTEM_TENANT } from '../../core/audit/index.ts';
import type { Ctx, Services } from '../../core/context.ts';
import { requireOperator } from '../../core/identity/index.ts';
import { rewrapPass, type PassResult } from './rewrap-pass.ts';
import {
  addProgress,
  countByKey,
  endRewrap,
  findRunningRewrap,
  insertRewrap,
  toRewrap,
} from './rewrap-queries.ts';

/**
 * Asks for all secrets of the installation to be put under its current key; the schedule of any server does it.
 * While one such pass is under way it is the answer.
 * @throws FORBIDDEN for all but an operator
 */
export async function startRewrap(ctx: Ctx): Promise<SecretRewrap> {
  await requireOperator(ctx);
  const { tenantId, actor } = ctx.principal;
  const { currentId } = ctx.keyRing;
  return ctx.db.transaction(async (tx) => {
    const running = await findRunningRewrap(tx);
    if (running?.key_id === currentId) return toRewrap(running);
    // One that was begun for another key would never end: no server has that key as its current one.
    if (running !== null) await endRewrap(tx, running.id, { status: 'failed', failed: running.failed });
    const row = { id: newId(), tenant_id: tenantId, key_id: currentId, requested_by: actor };
    const started = await insertRewrap(tx, row);
    if (started === null) return toRewrap((await findRunningRewrap(tx))!);
    const targets = [{ type: 'secret_rewrap', id: started.id }];
    await recordAudit(tx, auditor(ctx), { action: 'secrets.rewrap_started', targets, after: started });
    return started;
  });
}

/**
 * Does what is left of the pass that is under way, if there is one for this server's current key. Several servers may
 * work on it; after a crash the next call of any of them goes on.
 */
export async function continueRewrap(
  services: Pick<Services, 'db' | 'keyRing' | 'logger'>,
  options: { batch?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const { db, keyRing, logger } = services;
  const running = await findRunningRewrap(db);
  if (running === null || running.key_id !== keyRing.currentId) return;
  const { failed } = await rewrapPass(services, {
    ...options,
    onBatch: (tx, rewrapped) => addProgress(tx, running.id, rewrapped),
  });
  const left = await countOutdated(services);
  // Rows that were locked, or came meanwhile, are for the next call.
  if (options.signal?.aborted === true || left > failed) return;
  await db.transaction(async (tx) => {
    const status = left === 0 ? 'completed' : 'failed';
    const ended = await endRewrap(tx, running.id, { status, failed });
    if (ended === null) return;
    const who = { tenantId: running.tenant_id, actor: running.requested_by };
    const targets = [{ type: 'secret_rewrap', id: running.id }];
    const outcome = status === 'completed' ? 'success' : 'failure';
    await recordAudit(tx, who, { action: `secrets.rewrap_${status}`, targets, after: ended, outcome });
    tx.afterCommit(() => logger.info({ ...ended }, `secrets re-wrap ${status}`));
  });
}

/**
 * All of it at once, for the command line.
 * @param options `onBatch` hears after each batch how many versions are done
 */
export async function rewrapAll(
  parts: Pick<Services, 'db' | 'keyRing' | 'logger'>,
  { onBatch, ...options }: { batch?: number; signal?: AbortSignal; onBatch?(done: number): void } = {},
): Promise<PassResult> {
  let done = 0;
  const result = await rewrapPass(parts, {
    ...options,
    onBatch: async (tx, rewrapped) => {
      tx.afterCommit(() => onBatch?.((done += rewrapped)));
    },
  });
  if (result.rewrapped + result.failed === 0) return result;
  await parts.db.transaction((tx) =>
    recordAudit(
      tx,
      { tenantId: SYSTEM_TENANT, actor: 'operator' },
      {
        action: 'secrets.rewrapped',
        targets: [{ type: 'encryption_key', id: parts.keyRing.currentId }],
        outcome: result.failed === 0 ? 'success' : 'failure',
        details: { ...result },
      },
    ),
  );
  return result;
}

/** How many versions are under another key than the current one. */
export async function countOutdated({ db, keyRing }: Pick<Services, 'db' | 'keyRing'>): Promise<number> {
  const counts = await countByKey(db);
  return [...counts].reduce((sum, [id, versions]) => (id === keyRing.currentId ? sum : sum + versions), 0);
}
