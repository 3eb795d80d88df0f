import type { TwoFactorStatus } from '@holdfast/protocol';
import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import { requireLogin } from '../identity/index.ts';
import type { Queryable } from '../ports.ts';
import { iso } from '../wire.ts';
import { countBackupCodes, findFactor, type Factor } from './queries.ts';

/** Whether the caller has a second factor. @throws DomainError FORBIDDEN unless a user is logged in */
export async function getTwoFactor(ctx: Ctx): Promise<TwoFactorStatus> {
  const { userId } = requireLogin(ctx);
  const factor = await findFactor(ctx.db, userId);
  const enabledAt = factor?.enabled_at ?? null;
  return {
    enabled: enabledAt !== null,
    enabled_at: iso(enabledAt),
    backup_codes_left: enabledAt === null ? 0 : await countBackupCodes(ctx.db, userId),
  };
}

export function alreadyEnabled(): DomainError {
  return new DomainError('RESOURCE_CONFLICT', 'A second factor is enabled; disable it first.');
}

/** @throws DomainError RESOURCE_CONFLICT when the user has none */
export async function requireEnabled(db: Queryable, userId: string): Promise<Factor> {
  const factor = await findFactor(db, userId);
  if (factor !== null && factor.enabled_at !== null) return factor;
  throw new DomainError('RESOURCE_CONFLICT', 'No second factor is enabled.');
}
