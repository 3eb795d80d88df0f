export { purgeIdempotencyKeys, transactOnce } from './once.ts';
