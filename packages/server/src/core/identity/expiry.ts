import type { ApiKey } from '@holdfast/protocol';
import type { Ctx } from '../context.ts';
import { DomainError, invalid } from '../errors.ts';

/** @throws VALIDATION_ERROR for a time that has passed */
export function inFuture({ clock }: Pick<Ctx, 'clock'>, expiresAt: string | null): Date | null {
  if (expiresAt === null) return null;
  const at = new Date(expiresAt);
  if (!(at.getTime() > clock.now())) throw invalid('expires_at', 'must be in the future');
  return at;
}

/** @throws RESOURCE_CONFLICT for a key that is revoked or has expired: it must not come back */
export function refuseEnded({ clock }: Pick<Ctx, 'clock'>, key: ApiKey): void {
  if (key.revoked_at !== null) throw new DomainError('RESOURCE_CONFLICT', 'The API key is revoked.');
  if (key.expires_at !== null && Date.parse(key.expires_at) <= clock.now()) {
    throw new DomainError('RESOURCE_CONFLICT', 'The API key has expired.');
  }
}
