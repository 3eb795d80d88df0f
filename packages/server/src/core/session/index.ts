export {
  addMessage,
  countMessage,
  requireActive,
  type CountedSession,
  type NewMessage,
} from './add-message.ts';
export { createSession } from './create.ts';
export { fetchSession, lockSession, type LockedSession } from './queries.ts';
export { getSession, listSessions, listSessionsQuerySchema, type ListSessionsQuery } from './read.ts';
export { updateSession } from './update.ts';
