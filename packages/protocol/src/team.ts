import { z } from 'zod';
import { newPasswordSchema } from './account.ts';
import { idSchema, pageQuerySchema, timestampSchema, versionSchema } from './common.ts';

const nameSchema = z.string().trim().min(1).max(200);

/** What a member may do: `owner` and `admin` everything, `member` all work, `read_only` look. */
export const memberRoleSchema = z.enum(['owner', 'admin', 'member', 'read_only']);
export type TeamRole = z.infer<typeof memberRoleSchema>;

export const tierSchema = z.enum(['free', 'pro', 'enterprise']);

/** A team is a tenant: what one team has, no other team sees. */
export const teamSchema = z
  .object({
    id: idSchema,
    name: z.string(),
    tier: tierSchema.describe('Changed by the operator of the installation alone.'),
    role: memberRoleSchema.nullable().describe("The caller's; null for an API key."),
    version: versionSchema,
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'Team' });
export type Team = z.infer<typeof teamSchema>;

export const createTeamSchema = z.strictObject({ name: nameSchema });
export type CreateTeam = z.infer<typeof createTeamSchema>;

export const updateTeamSchema = z
  .strictObject({ name: nameSchema.optional(), tier: tierSchema.optional() })
  .refine((value) => Object.keys(value).length > 0, 'must change something');
export type UpdateTeam = z.infer<typeof updateTeamSchema>;

export const teamMemberSchema = z
  .object({
    user_id: z.string(),
    name: z.string(),
    email: z.string(),
    role: memberRoleSchema,
    joined_at: timestampSchema,
  })
  .meta({ id: 'TeamMember' });
export type TeamMember = z.infer<typeof teamMemberSchema>;

/** `after` is an id of a user, which need not be one of ours. */
export const memberQuerySchema = pageQuerySchema.extend({ after: z.string().min(1).max(200).optional() });
export type MemberQuery = z.infer<typeof memberQuerySchema>;

export const updateMemberSchema = z.strictObject({ role: memberRoleSchema });
export type UpdateMember = z.infer<typeof updateMemberSchema>;

export const invitationSchema = z
  .object({
    id: idSchema,
    email: z.string(),
    role: memberRoleSchema,
    status: z.enum(['pending', 'accepted', 'revoked', 'expired']),
    invited_by: z.string().describe('Id of the user.'),
    created_at: timestampSchema,
    expires_at: timestampSchema,
    accepted_at: timestampSchema.nullable(),
    revoked_at: timestampSchema.nullable(),
  })
  .meta({ id: 'Invitation' });
export type Invitation = z.infer<typeof invitationSchema>;

export const createInvitationSchema = z.strictObject({
  email: z
    .string()
    .max(254)
    .pipe(z.email())
    .describe('Whoever has this address may accept. An open invitation to it is replaced.'),
  role: memberRoleSchema,
});
export type CreateInvitation = z.infer<typeof createInvitationSchema>;

/** What an invitation shows to whoever has its link. */
export const invitationViewSchema = z
  .object({
    team_name: z.string(),
    inviter: z.string().describe('Name of who invites.'),
    email: z.string().describe('The invited address, masked.'),
    role: memberRoleSchema,
    has_account: z.boolean().describe('Whether to log in, or to make an account with name and password.'),
    expires_at: timestampSchema,
  })
  .meta({ id: 'InvitationView' });
export type InvitationView = z.infer<typeof invitationViewSchema>;

export const acceptInvitationSchema = z
  .strictObject({ name: nameSchema.optional(), password: newPasswordSchema.optional() })
  .refine(
    ({ name, password }) => (name === undefined) === (password === undefined),
    'name and password go together: both make an account, neither accepts as the logged-in user',
  )
  .meta({ examples: [{ name: 'Ada', password: 'a phrase only Ada knows' }] });
export type AcceptInvitation = z.infer<typeof acceptInvitationSchema>;

export const acceptedInvitationSchema = z
  .object({
    team: z.object({ id: idSchema, name: z.string() }),
    role: memberRoleSchema,
    user: z.object({ id: z.string(), email: z.string(), name: z.string() }),
  })
  .meta({ id: 'AcceptedInvitation' });
export type AcceptedInvitation = z.infer<typeof acceptedInvitationSchema>;
