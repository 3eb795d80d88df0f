import { z } from 'zod';
import { idSchema, timestampSchema } from './common.ts';

const MAX_USES = 1_000_000_000;
const uses = z.int().min(1).max(MAX_USES).optional();

const allowanceFields = {
  minute: uses.describe('Uses in a minute, which begins with the first of them.'),
  hour: uses,
  day: uses,
  burst: uses.describe('Uses at once; they come back one by one, at the rate of the shortest window.'),
};

/** What a policy allows one subject; empty is no limit. */
export const allowanceSchema = z.object(allowanceFields).meta({ id: 'RateAllowance' });
export type RateAllowance = z.infer<typeof allowanceSchema>;

export const ratePolicySchema = z
  .object({
    policy: z.string(),
    description: z.string(),
    subject: z
      .enum(['ip', 'identity', 'tenant', 'tenant_user', 'email', 'ip_email', 'user'])
      .describe('Whose uses are counted; `identity` is a key, user, guest or service.'),
    allowance: allowanceSchema.nullable().describe('For this tenant now; null is no limit.'),
    tier_allowance: allowanceSchema.describe("What the tenant's tier gives it."),
    on_failure: z.enum(['open', 'closed']).describe('Whether uses pass while they cannot be counted.'),
    slow_up_to: z
      .number()
      .describe('Uses above the limit, up to this multiple of it, are delayed; 1 is none.'),
    block_after: z.int().nullable().describe('Refusals within ten minutes that lead to a block; null never.'),
  })
  .meta({ id: 'RatePolicy' });
export type RatePolicy = z.infer<typeof ratePolicySchema>;

const subject = z
  .string()
  .regex(/^[\x21-\x7e]+( [\x21-\x7e]+)?$/, 'must be printable ASCII')
  .max(400)
  .describe(
    '`key:<id>`, `user:<id>`, `guest:<id>`, `tenant:<id>`; of policies of the installation `ip:<address>`, `email:<address>`.',
  );

export const rateOverrideSchema = z
  .object({
    id: idSchema,
    tenant_id: idSchema.nullable().describe('Null for what belongs to the installation, such as addresses.'),
    policy: z.string(),
    subject: z.string().nullable().describe('Null for every subject of the tenant.'),
    allowance: allowanceSchema.nullable().describe('Null is no limit.'),
    reason: z.string(),
    created_by: z.string(),
    created_at: timestampSchema,
    expires_at: timestampSchema.nullable(),
  })
  .meta({ id: 'RateOverride' });
export type RateOverride = z.infer<typeof rateOverrideSchema>;

export const rateBlockSchema = z
  .object({
    tenant_id: idSchema.nullable(),
    policy: z.string(),
    subject: z.string(),
    level: z.int().describe('How many blocks in a row; each is twice as long as the one before.'),
    blocked_at: timestampSchema,
    blocked_until: timestampSchema,
  })
  .meta({ id: 'RateBlock' });
export type RateBlock = z.infer<typeof rateBlockSchema>;

export const rateLimitsSchema = z
  .object({
    tier: z.enum(['free', 'pro', 'enterprise']),
    is_operator: z.boolean().describe('Whether the caller runs the installation and may raise limits.'),
    policies: z.array(ratePolicySchema),
    overrides: z.array(rateOverrideSchema).describe('The newest 200.'),
    blocks: z.array(rateBlockSchema).describe('In force now, the newest 200.'),
  })
  .meta({ id: 'RateLimits' });
export type RateLimits = z.infer<typeof rateLimitsSchema>;

const tenant_id = idSchema.optional().describe("Another tenant's, for the operator; default the caller's.");

export const setRateOverrideSchema = z
  .strictObject({
    tenant_id,
    subject: subject.nullish().describe('Null or left out for every subject of the tenant.'),
    ...allowanceFields,
    unlimited: z.boolean().optional().describe('Instead of numbers: no limit at all.'),
    expires_at: z.iso
      .datetime({ offset: true })
      .nullish()
      .describe('ISO 8601, in the future; never when left out.'),
    reason: z.string().trim().min(1).max(500),
  })
  .refine(
    ({ unlimited, minute, hour, day, burst }) =>
      (unlimited === true) !== [minute, hour, day, burst].some((value) => value !== undefined),
    { path: ['unlimited'], message: 'give either numbers or unlimited: true' },
  )
  .refine(({ minute, hour, day, burst }) => burst === undefined || (minute ?? hour ?? day) !== undefined, {
    path: ['burst'],
    message: 'needs a window whose rate it comes back at',
  })
  .meta({ examples: [{ minute: 1000, reason: 'The import of Friday night.' }] });
export type SetRateOverride = z.infer<typeof setRateOverrideSchema>;

export const rateSubjectSchema = z.strictObject({ tenant_id, subject });
export type RateSubject = z.infer<typeof rateSubjectSchema>;

/** What one subject has left under one policy. */
export const rateUsageSchema = z
  .object({
    policy: z.string(),
    subject: z.string(),
    limit: z.int().nullable().describe('Null is no limit.'),
    remaining: z.int().nullable(),
    window_seconds: z.int().nullable(),
    reset_at: timestampSchema.nullable(),
    blocked_until: timestampSchema.nullable(),
  })
  .meta({ id: 'RateUsage' });
export type RateUsage = z.infer<typeof rateUsageSchema>;
