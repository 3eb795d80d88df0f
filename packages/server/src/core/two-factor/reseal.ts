import type { Services } from '../context.ts';
import type { Authenticators } from '../ports.ts';
import { selectFactorsNotUnder, updateFactorSealed } from './queries.ts';

const BATCH = 100;
const LEAST_ID = '00000000-0000-0000-0000-000000000000';

/**
 * Encrypts again what is under an earlier secret of the installation, so that it can be forgotten.
 * @returns how many secrets were moved, and how many no key opens: their owners are left with backup codes
 */
export async function resealFactors({
  db,
  authenticators,
}: Pick<Services, 'db'> & { authenticators: Authenticators }): Promise<{ moved: number; lost: number }> {
  const counts = { moved: 0, lost: 0 };
  const prefix = authenticators.sealedPrefix;
  for (let after = LEAST_ID; ;) {
    const rows = await selectFactorsNotUnder(db, { prefix, after, limit: BATCH });
    for (const { id, user_id: userId, sealed_secret: old } of rows) {
      const sealed = authenticators.reseal(userId, old);
      if (sealed !== null) await updateFactorSealed(db, id, sealed);
      counts[sealed === null ? 'lost' : 'moved'] += 1;
    }
    if (rows.length < BATCH) return counts;
    after = rows.at(-1)!.id;
  }
}
