import type { Services } from '../../core/context.ts';
import { trimAudit, type HeadKeeper } from '../../features/audit/index.ts';
import type { Job } from './schedule.ts';

/** How often chains are looked at; how often one is signed, the keeper knows. */
const HEADS_INTERVAL_MS = 60_000;
const TRIM_INTERVAL_MS = 3_600_000;

/** What happens to the audit log by itself: its ends are signed, its oldest entries go. */
export function auditJobs(services: Services, keeper: HeadKeeper, retentionDays: number): Job[] {
  const trim = async () => {
    const deleted = await trimAudit(services, retentionDays);
    if (deleted > 0) services.logger.info({ deleted }, 'old audit entries deleted');
  };
  return [
    { name: 'audit heads', everyMs: HEADS_INTERVAL_MS, run: () => keeper.tick() },
    { name: 'audit retention', everyMs: TRIM_INTERVAL_MS, run: trim },
  ];
}
