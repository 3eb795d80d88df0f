import { z } from 'zod';
import { idSchema, timestampSchema } from './common.ts';

export const auditOutcomeSchema = z.enum(['success', 'denied', 'failure']);
export type AuditOutcome = z.infer<typeof auditOutcomeSchema>;

export const auditActorSchema = z.object({
  type: z.string().describe('user, key, service, guest, server or anonymous.'),
  id: z.string().describe('`user:<id>`, `key:<id>`, `service:<name>` ... as in events.'),
  on_behalf_of: z.string().nullable().describe('`user:<id>` that a service speaks for.'),
});
export type AuditActor = z.infer<typeof auditActorSchema>;

export const auditTargetSchema = z.object({
  type: z.string(),
  id: z.string(),
  name: z.string().optional(),
});
export type AuditTarget = z.infer<typeof auditTargetSchema>;

/** One changed value. What was not there before, or is not there after, has no such field. */
export const auditChangeSchema = z.object({
  path: z.string().describe('JSON Pointer (RFC 6901) into the object.'),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
});
export type AuditChange = z.infer<typeof auditChangeSchema>;

export const auditContextSchema = z.object({
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
  request_id: z.string().nullable(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type AuditContext = z.infer<typeof auditContextSchema>;

const hashSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256, hex.');
const seqSchema = z.int().min(1);

/** As lists show it; the changes come with a single entry. */
export const auditEntrySchema = z
  .object({
    seq: seqSchema.describe('1, 2, 3 ... of its chain, without a gap.'),
    id: idSchema,
    occurred_at: timestampSchema,
    actor: auditActorSchema,
    action: z.string(),
    outcome: auditOutcomeSchema,
    targets: z.array(auditTargetSchema),
    context: auditContextSchema,
    schema_version: z.int(),
    prev_hash: hashSchema,
    hash: hashSchema,
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntryView = z.infer<typeof auditEntrySchema>;

export const auditEntryDetailSchema = auditEntrySchema
  .extend({ diff: z.array(auditChangeSchema).nullable() })
  .meta({ id: 'AuditEntryDetail' });
export type AuditEntryDetail = z.infer<typeof auditEntryDetailSchema>;

/** The own tenant's log, or that of the installation: what happened before a tenant was known. */
export const auditChainSchema = z.enum(['tenant', 'system']);
export type AuditChain = z.infer<typeof auditChainSchema>;

const instantSchema = z.iso.datetime({ offset: true });

export const auditFilterSchema = z.strictObject({
  chain: auditChainSchema.default('tenant').describe('`system` is for owners of the first tenant.'),
  actor: z.string().min(1).max(200).optional().describe('Whole: `user:<id>`, `key:<id>`, `anonymous` ...'),
  action: z
    .string()
    .regex(
      /^[a-z0-9_.-]{1,100}\*?$/,
      'must be an action such as project.updated, or a prefix such as project.*',
    )
    .optional()
    .describe('Whole, or a prefix that ends in `*`.'),
  target_type: z.string().min(1).max(100).optional(),
  target_id: z.string().min(1).max(200).optional(),
  outcome: auditOutcomeSchema.optional(),
  ip: z.string().min(1).max(45).optional().describe('Whole address.'),
  from: instantSchema.optional().describe('Inclusive.'),
  to: instantSchema.optional().describe('Exclusive.'),
  text: z
    .string()
    .min(2)
    .max(200)
    .optional()
    .describe(
      'Occurs in action, targets, details or changes, in any case; also an e-mail address or user id.',
    ),
});
export type AuditFilter = z.infer<typeof auditFilterSchema>;

export const auditExportSchema = auditFilterSchema.extend({
  format: z.enum(['jsonl', 'csv']).default('jsonl'),
});
export type AuditExport = z.infer<typeof auditExportSchema>;

export const verifyAuditSchema = z.strictObject({ chain: auditChainSchema.default('tenant') });

export const auditFaultSchema = z.enum([
  'unreadable',
  'missing',
  'out_of_order',
  'broken_link',
  'altered',
  'unsigned_start',
  'tail_cut',
  'inserted',
  'rewritten',
  'forged_head',
]);
export type AuditFault = z.infer<typeof auditFaultSchema>;

export const auditVerificationSchema = z
  .object({
    valid: z.boolean(),
    entries: z.int().describe('Entries that were read.'),
    last_seq: z.int().describe('Of the last entry that was read; 0 for an empty log.'),
    first_bad_seq: z.int().nullable(),
    reason: auditFaultSchema.nullable(),
    message: z.string().nullable(),
    heads_checked: z.int().describe('Signed heads that the entries were compared with.'),
    heads_skipped: z.int().describe('Signed heads whose key is not known here.'),
    reseals: z.int().describe('Times the log went on from an older state, as after a restored backup.'),
  })
  .meta({ id: 'AuditVerification' });
export type AuditVerification = z.infer<typeof auditVerificationSchema>;

/**
 * What is signed about a chain: that its entry `seq` has this hash. `checkpoint`: everything up to it was
 * deleted by the retention. `reseal`: the log was found to end at `after_seq`, before `lost_seq` that was signed,
 * and goes on from there.
 */
export const signedHeadSchema = z.object({
  kind: z.enum(['head', 'checkpoint', 'reseal']),
  tenant_id: z.guid(),
  seq: z.int().min(0),
  hash: hashSchema,
  time: timestampSchema,
  after_seq: z.int().optional(),
  lost_seq: z.int().optional(),
  key_id: z.string().describe('First 16 hex digits of the SHA-256 of the public key (SPKI, DER).'),
  signature: z
    .string()
    .describe('Ed25519 over the canonical form (RFC 8785) of the other fields; base64url.'),
});
export type SignedHead = z.infer<typeof signedHeadSchema>;

export const auditKeySchema = z
  .object({
    key_id: z.string(),
    algorithm: z.literal('Ed25519'),
    public_key: z.string().describe('PEM (SPKI).'),
    previous: z.array(z.object({ key_id: z.string(), public_key: z.string() })),
  })
  .meta({ id: 'AuditKey' });
export type AuditKey = z.infer<typeof auditKeySchema>;
