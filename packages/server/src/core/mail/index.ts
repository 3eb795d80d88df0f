export { claimDueMail, deliverMail } from './deliver.ts';
export { onMailQueued, type QueuedMail } from './hint.ts';
export { listMail } from './list.ts';
export { expireMail, type ClaimedMail as DueMail } from './queries.ts';
export { queueMail, type Mail } from './queue.ts';
export type { OptionalTemplate } from './template.ts';
