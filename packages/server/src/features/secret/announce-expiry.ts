import { recordAudit } from '../../core/audit/index.ts';
import type { Services } from '../../core/context.ts';
import { queueMail } from '../../core/mail/index.ts';
import { iso } from '../../core/wire.ts';
import { markAnnounced, selectAdmins, selectDue, type Due } from './expiry-queries.ts';

type Parts = Pick<Services, 'db' | 'clock' | 'logger'>;

/** Days before the expiry of a secret at which it is announced. */
const DAYS = [1, 7, 30] as const;
const DAY_MS = 86_400_000;
const BATCH = 100;

/**
 * Announces secrets that expire within 30, 7 and 1 days, each once: by mail to owners and admins, in the log and in
 * the audit log. What was missed while no server ran is made up for, with the announcement that is due now.
 * @returns how many announcements were made
 */
export async function announceExpiry(parts: Parts): Promise<number> {
  let announced = 0;
  for (const days of DAYS) {
    for (;;) {
      const until = new Date(parts.clock.now() + days * DAY_MS);
      const due = await selectDue(parts.db, { days, until, limit: BATCH });
      let moved = 0;
      for (const secret of due) moved += (await announce(parts, secret, days)) ? 1 : 0;
      announced += moved;
      if (due.length < BATCH || moved === 0) break;
    }
  }
  return announced;
}

/** Several servers may try; the one that moves the mark announces. */
function announce({ db, logger }: Parts, secret: Due, days: number): Promise<boolean> {
  const { tenant_id: tenantId, id, name } = secret;
  const expires_at = iso(secret.expires_at);
  return db.transaction(async (tx) => {
    if (!(await markAnnounced(tx, secret, days))) return false;
    for (const to of await selectAdmins(tx, tenantId)) {
      await queueMail(tx, {
        to,
        tenantId,
        template: 'secret_expiring',
        variables: { secret: name, expires_at },
      });
    }
    const who = { tenantId, actor: 'server:schedule' };
    const targets = [{ type: 'secret', id, name }];
    await recordAudit(tx, who, { action: 'secret.expiring', targets, details: { days, expires_at } });
    tx.afterCommit(() =>
      logger.warn(
        { tenant_id: tenantId, secret_id: id, name, expires_at, days },
        'a secret is about to expire',
      ),
    );
    return true;
  });
}
