export { createProject } from './create.ts';
export { fetchProject } from './queries.ts';
export { getProject, listProjects } from './read.ts';
export { updateProject } from './update.ts';
