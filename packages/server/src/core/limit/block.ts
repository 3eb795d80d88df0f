import { recordAudit, SYSTEM_TENANT } from '../audit/index.ts';
import type { Db, LimitRequest } from '../ports.ts';
import { insertBlock } from './queries.ts';

/**
 * Shuts a subject out of a policy for a while, and records it once, whichever server is first.
 * @returns null when it is blocked already
 */
export function blockSubject(
  db: Db,
  { policy, subject, tenantId = SYSTEM_TENANT, actor, client, requestId }: LimitRequest,
): Promise<{ blocked_until: Date; level: number } | null> {
  return db.transaction(async (tx) => {
    const block = await insertBlock(tx, { tenantId, policy, subject });
    if (block === null) return null;
    const who = { tenantId, actor: actor ?? 'anonymous', client, requestId };
    await recordAudit(tx, who, {
      action: 'limit.blocked',
      outcome: 'denied',
      targets: [{ type: 'limit_subject', id: subject }],
      details: { policy, level: block.level, blocked_until: block.blocked_until.toISOString() },
    });
    return block;
  });
}
