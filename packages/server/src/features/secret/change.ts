import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { Ctx } from '../../core/context.ts';
import { invalid } from '../../core/errors.ts';
import type { Tx } from '../../core/ports.ts';

/** The bus topic on which servers hear whose secrets have changed; the payload is the tenant's id. */
export const SECRETS_TOPIC = 'secrets';

const SHORTEST_HINTED = 16;
const DIGEST_BYTES = 32;

/** Tells every server, once the change stands. */
export function announceChange(ctx: Ctx, tx: Tx): void {
  tx.afterCommit(() => ctx.bus.publish(SECRETS_TOPIC, ctx.principal.tenantId));
}

/** The last four characters; of a short value they would give away too much. */
export function hintOf(value: string): string | null {
  return value.length < SHORTEST_HINTED ? null : value.slice(-4).toWellFormed();
}

export function expiryOf(ctx: Ctx, expiresAt: string | null): Date | null {
  if (expiresAt === null) return null;
  const time = new Date(expiresAt);
  if (!(time.getTime() > ctx.clock.now())) throw invalid('expires_at', 'must be in the future');
  return time;
}

/**
 * What stands for the value in the fingerprint of an idempotent request, which is stored for a day.
 * Slow on purpose: a fast digest of a short value could be guessed back.
 */
export async function digestForReplay(ctx: Ctx, value: string): Promise<string | null> {
  if (ctx.idempotencyKey === undefined) return null;
  const salt = `${ctx.principal.tenantId}|${ctx.idempotencyKey}`;
  const digest = (await promisify(scrypt)(value, salt, DIGEST_BYTES)) as Buffer;
  return digest.toString('base64url');
}
