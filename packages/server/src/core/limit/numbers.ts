import { z } from 'zod';
import type { Tier } from '../context.ts';
import type { Allowance, LimitPolicy } from '../ports.ts';
import { DEFAULT_POLICIES, POLICY_NAMES } from './policies.ts';

export const MAX_USES = 1_000_000_000;

const uses = z.int().min(1).max(MAX_USES).optional();

/** Uses per window; `{}` is no limit. A burst needs a window whose rate it refills at. */
export const allowanceSchema = z
  .strictObject({ minute: uses, hour: uses, day: uses, burst: uses })
  .refine(
    ({ minute, hour, day, burst }) => burst === undefined || (minute ?? hour ?? day) !== undefined,
    'a burst needs a window',
  );

const stagesSchema = z.strictObject({
  slowUpTo: z.number().min(1).max(2),
  blockAfter: z.int().min(1).max(10_000).nullable(),
});

const setting = z.union([
  allowanceSchema,
  z.strictObject({
    free: allowanceSchema.optional(),
    pro: allowanceSchema.optional(),
    enterprise: allowanceSchema.optional(),
    stages: stagesSchema.optional(),
  }),
]);

/** What an installation says of its limits: by policy, `*` for all it does not name. */
export const limitNumbersSchema = z.partialRecord(z.enum(['*', ...POLICY_NAMES]), setting);
export type LimitNumbers = z.infer<typeof limitNumbersSchema>;

/** The policies with an installation's numbers; what it leaves out keeps its default. */
export function policiesWith(numbers: LimitNumbers): LimitPolicy[] {
  return DEFAULT_POLICIES.map((policy) => {
    const given = numbers[policy.name as keyof LimitNumbers] ?? numbers['*'];
    if (given === undefined) return policy;
    const { stages, ...tiers } = isByTier(given) ? given : { free: given, pro: given, enterprise: given };
    return {
      ...policy,
      allowances: { ...policy.allowances, ...withoutUndefined(tiers) },
      stages: stages ?? policy.stages,
    };
  });
}

type ByTier = Partial<Record<Tier, Allowance>> & { stages?: z.infer<typeof stagesSchema> };

function isByTier(given: LimitNumbers[keyof LimitNumbers] & object): given is ByTier {
  return ['free', 'pro', 'enterprise', 'stages'].some((name) => name in given);
}

function withoutUndefined(tiers: Partial<Record<Tier, Allowance>>): Partial<Record<Tier, Allowance>> {
  return Object.fromEntries(Object.entries(tiers).filter(([, allowance]) => allowance !== undefined));
}
