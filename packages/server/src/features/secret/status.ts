import type { SecretStatus } from '@holdfast/protocol';
import { requireScope, type Ctx } from '../../core/context.ts';
import { DomainError } from '../../core/errors.ts';
import { requireOperator } from '../../core/identity/index.ts';
import { selectExpiring, selectUnused } from './list-queries.ts';
import { countByKey, findLatestRewrap } from './rewrap-queries.ts';

const UNUSED_MS = 90 * 86_400_000;
const EXPIRING_MS = 30 * 86_400_000;

/**
 * What an admin should look at: unused and expiring secrets of the own tenant; for the operator also the keys.
 * @throws FORBIDDEN without `admin`
 */
export async function getSecretStatus(ctx: Ctx): Promise<SecretStatus> {
  requireScope(ctx, 'admin');
  const { tenantId } = ctx.principal;
  const now = ctx.clock.now();
  const [unused, expiring, encryption] = await Promise.all([
    selectUnused(ctx.db, tenantId, new Date(now - UNUSED_MS)),
    selectExpiring(ctx.db, tenantId, new Date(now + EXPIRING_MS)),
    (await isOperator(ctx)) ? readEncryption(ctx) : null,
  ]);
  return { unused, expiring, encryption };
}

async function isOperator(ctx: Ctx): Promise<boolean> {
  try {
    await requireOperator(ctx);
    return true;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'FORBIDDEN') return false;
    throw error;
  }
}

async function readEncryption({ db, keyRing }: Ctx): Promise<NonNullable<SecretStatus['encryption']>> {
  const [counts, rewrap] = await Promise.all([countByKey(db), findLatestRewrap(db)]);
  const ids = [...new Set([...keyRing.ids, ...counts.keys()])];
  const keys = ids.map((id) => ({
    id,
    configured: keyRing.ids.includes(id),
    versions: counts.get(id) ?? 0,
  }));
  return { current_key: keyRing.currentId, keys, rewrap };
}
