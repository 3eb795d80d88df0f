import { z } from 'zod';
import { timestampSchema, versionSchema } from './common.ts';

const MAX_LOCALE_LENGTH = 35;

function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

/** A BCP 47 language tag: `de`, `en-GB`, `zh-Hant-TW`. */
export const localeSchema = z
  .string()
  .min(2)
  .max(MAX_LOCALE_LENGTH)
  .refine(isLocale, 'must be a BCP 47 language tag, such as de or en-GB')
  .describe('A BCP 47 language tag, such as de or en-GB.');

/** Mails that a person may do without. Those about the safety of the account are always sent. */
export const notificationsSchema = z.object({
  secret_expiring: z.boolean().describe('A secret of the team is about to expire.'),
});
export type Notifications = z.infer<typeof notificationsSchema>;

/** What a user says of themselves. */
export const profileSchema = z
  .object({
    id: z.string(),
    email: z.string(),
    email_verified: z.boolean(),
    name: z.string(),
    locale: z.string().nullable().describe('Null while none is chosen; English is used then.'),
    notifications: notificationsSchema,
    version: versionSchema,
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'Profile' });
export type Profile = z.infer<typeof profileSchema>;

export const updateProfileSchema = z
  .strictObject({
    name: z.string().trim().min(1).max(200).optional(),
    locale: localeSchema.nullable().optional(),
    notifications: z.strictObject(notificationsSchema.shape).partial().optional(),
  })
  .refine((value) => Object.keys(value).length > 0, 'must change something');
export type UpdateProfile = z.infer<typeof updateProfileSchema>;
