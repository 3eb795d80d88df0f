import { updateProfileSchema, type Profile, type UpdateProfile } from '@holdfast/protocol';
import { auditor, recordAudit } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { DomainError } from '../errors.ts';
import { requireMatch } from '../precondition.ts';
import { fetchProfile, updateProfileRow } from './queries.ts';

/** @throws FORBIDDEN for a credential that is not a user's */
export async function getProfile(ctx: Ctx): Promise<Profile> {
  return fetchProfile(ctx.db, requireOwner(ctx));
}

/**
 * Changes the given fields only; whoever is logged in may, whatever their role.
 * @throws FORBIDDEN for a credential that is not a user's; PRECONDITION_FAILED
 */
export async function updateProfile(ctx: Ctx, input: UpdateProfile): Promise<Profile> {
  const userId = requireOwner(ctx);
  const { name, locale, notifications } = updateProfileSchema.parse(input);
  return ctx.db.transaction(async (tx) => {
    const before = await fetchProfile(tx, userId, true);
    requireMatch(ctx, before);
    const after = await updateProfileRow(tx, userId, {
      name,
      locale: typeof locale === 'string' ? Intl.getCanonicalLocales(locale)[0] : locale,
      notifications: notifications && { ...before.notifications, ...notifications },
    });
    await recordAudit(tx, auditor(ctx), {
      action: 'profile.updated',
      targets: [{ type: 'user', id: userId, name: after.name }],
      before: settingsOf(before),
      after: settingsOf(after),
    });
    return after;
  });
}

function requireOwner({ principal }: Ctx): string {
  if (principal.kind === 'user' && principal.userId !== null) return principal.userId;
  throw new DomainError('FORBIDDEN', 'A profile belongs to a user; log in as one.');
}

function settingsOf({ name, locale, notifications }: Profile): object {
  return { name, locale, notifications };
}
