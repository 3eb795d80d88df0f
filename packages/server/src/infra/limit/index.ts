export { createDatabaseStore } from './database.ts';
export { createMemoryStore } from './memory.ts';
export { createRedisStore } from './redis.ts';
