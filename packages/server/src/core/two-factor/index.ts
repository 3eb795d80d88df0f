export { disableTwoFactor } from './disable.ts';
export { enableTwoFactor } from './enable.ts';
export { purgeChallenges } from './purge.ts';
export { regenerateBackupCodes } from './regenerate-backup-codes.ts';
export { resealFactors } from './reseal.ts';
export { setUpTwoFactor } from './setup.ts';
export { getTwoFactor } from './state.ts';
export { verifyTwoFactor } from './verify.ts';
export type { OpenTwoFactorCtx, TwoFactorCtx, TwoFactorParts } from './types.ts';
