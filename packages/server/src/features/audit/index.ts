export { exportAudit } from './export.ts';
export { getAuditEntry } from './get.ts';
export { HeadKeeper, type HeadOptions } from './head-keeper.ts';
export { listAuditEntries } from './list.ts';
export { trimAudit } from './trim.ts';
export { verifyAudit } from './verify.ts';
