import type { SecretDetail } from '@holdfast/protocol';
import { auditor, recordAudit } from '../../core/audit/index.ts';
import { requireScope, type Ctx } from '../../core/context.ts';
import { notFound } from '../../core/errors.ts';
import { announceChange } from './change.ts';
import { lockSecret, markDisabled, selectVersions } from './queries.ts';

/**
 * Takes a version out of use for good. The newest that is left is used from then on; without any,
 * the secret is refused on use. Disabling it again changes nothing.
 * @throws FORBIDDEN without `admin`; NOT_FOUND for secret or version, also for another tenant's
 */
export async function disableSecretVersion(ctx: Ctx, id: string, version: number): Promise<SecretDetail> {
  requireScope(ctx, 'admin');
  const { tenantId } = ctx.principal;
  return ctx.db.transaction(async (tx) => {
    const secret = await lockSecret(tx, tenantId, id);
    const outcome = await markDisabled(tx, tenantId, id, version);
    if (outcome === 'absent') throw notFound('Version');
    if (outcome === 'disabled') {
      announceChange(ctx, tx);
      const targets = [{ type: 'secret', id, name: secret.name }];
      await recordAudit(tx, auditor(ctx), {
        action: 'secret.version_disabled',
        targets,
        details: { version },
      });
    }
    return { ...secret, versions: await selectVersions(tx, tenantId, id) };
  });
}
