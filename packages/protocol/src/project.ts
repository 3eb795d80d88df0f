import { z } from 'zod';
import { idSchema, metadataSchema, timestampSchema } from './common.ts';

const nameSchema = z.string().trim().min(1).max(200);

export const projectSchema = z
  .object({
    id: idSchema,
    name: z.string(),
    metadata: z.record(z.string(), z.unknown()),
    created_at: timestampSchema,
    updated_at: timestampSchema,
  })
  .meta({ id: 'Project' });
export type Project = z.infer<typeof projectSchema>;

export const createProjectSchema = z.strictObject({ name: nameSchema, metadata: metadataSchema.default({}) });
export type CreateProject = z.infer<typeof createProjectSchema>;

export const updateProjectSchema = z
  .strictObject({ name: nameSchema.optional(), metadata: metadataSchema.optional() })
  .refine((value) => Object.keys(value).length > 0, 'must change something');
export type UpdateProject = z.infer<typeof updateProjectSchema>;
