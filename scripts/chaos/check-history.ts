import { checkDeltas, checkExpected, checkFollows, checkNumbers } from './check-log.ts';
import { checkAnswers, checkEpochs, checkMessages, checkRuns } from './check-runs.ts';
import type { SessionHistory, Violation } from './history.ts';

const CHECKS = [
  checkNumbers,
  checkExpected,
  checkFollows,
  checkDeltas,
  checkRuns,
  checkAnswers,
  checkMessages,
  checkEpochs,
];

/** Everything in these histories that breaks a promise; empty when all is well. */
export function checkHistory(sessions: readonly SessionHistory[]): Violation[] {
  return sessions.flatMap((session) => {
    const violations: Violation[] = [];
    const report = (rule: string, detail: string): void =>
      void violations.push({ rule, session: `${session.name} ${session.sessionId}`, detail });
    for (const check of CHECKS) check(session, report);
    return violations;
  });
}
