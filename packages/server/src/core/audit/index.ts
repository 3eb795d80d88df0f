export { DenialLog, type Denial } from './denial.ts';
export { ChainCheck, type Fault } from './chain-check.ts';
export { NO_HASH, type StoredEntry } from './entry.ts';
export { eraseSubject } from './erase.ts';
export { collectMarks, parseHead, type CheckHead, type Marks } from './heads.ts';
export { holdChain, type ChainEnd } from './queries.ts';
export { selectBatch, toEntry } from './read-queries.ts';
export { auditor, recordAudit, SYSTEM_TENANT, type AuditEntry, type Auditor } from './record.ts';
export { SEALED, openBytes, sealText, valueKeyOf, type SubjectKey } from './seal.ts';
