import { z } from 'zod';
import { idSchema, metadataSchema, timestampSchema, versionSchema } from './common.ts';

const nameSchema = z.string().trim().min(1).max(200);

export const projectSchema = z
  .object({
    id: idSchema,
    name: z.string(),
    metadata: z.record(z.string(), z.unknown()),
    guest_access: z.boolean().describe('Whether anybody may start a guest session in it.'),
    version: versionSchema,
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'Project' });
export type Project = z.infer<typeof projectSchema>;

export const createProjectSchema = z.strictObject({ name: nameSchema, metadata: metadataSchema.default({}) });
export type CreateProject = z.infer<typeof createProjectSchema>;

export const updateProjectSchema = z
  .strictObject({
    name: nameSchema.optional(),
    metadata: metadataSchema.optional(),
    guest_access: z.boolean().optional().describe('Needs the scope admin.'),
  })
  .refine((value) => Object.keys(value).length > 0, 'must change something');
export type UpdateProject = z.infer<typeof updateProjectSchema>;
