export type { AccountTables } from './account.ts';
export type { ApiTables } from './api.ts';
export type { AuditTables } from './audit.ts';
export type { Json, JsonOrNull, OrNull, Time, TimeOrNull } from './column.ts';
export type { CredentialTables } from './credential.ts';
export type { LimitTables } from './limit.ts';
export type { LoginTables } from './login.ts';
export type { SecretTables } from './secret.ts';
export type { TeamTables } from './team.ts';
