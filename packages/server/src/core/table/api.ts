import type { ColumnType } from 'kysely';
import type { Time } from './column.ts';

/** Tables of API versions and feature flags. */
export interface ApiTables {
  feature_flags: {
    tenant_id: string;
    version: string;
    name: string;
    enabled: boolean;
    updated_by: string;
    updated_at: Time;
  };
  api_usage: {
    tenant_id: string;
    /** `YYYY-MM-DD`, UTC. */
    day: ColumnType<string, string, never>;
    version: string;
    /** Method and route template. */
    route: string;
    principal: string;
    count: number;
  };
}
