import type { Services } from '../context.ts';
import type { Authenticators, Tx } from '../ports.ts';
import { hashBackupCode } from './backup-code.ts';
import { claimBackupCode, claimStep, type Factor } from './queries.ts';

/** What a user gave as second factor: exactly one of the two. */
export interface GivenCode {
  code?: string;
  backup_code?: string;
}

/** What is left to do about a code that was given, in the transaction of what it allows. */
export interface Proof {
  method: 'totp' | 'backup_code';
  /** Uses the code up. @returns false when it is wrong or was used before */
  claim(tx: Tx): Promise<boolean>;
}

/** Judges a code as far as that needs no transaction. */
export async function readProof(
  { authenticators, clock }: Pick<Services, 'clock'> & { authenticators: Authenticators },
  { userId, factor, given }: { userId: string; factor: Factor; given: GivenCode },
): Promise<Proof> {
  const now = clock.now();
  const { code, backup_code: backupCode } = given;
  if (backupCode !== undefined) {
    const hash = hashBackupCode(backupCode);
    return {
      method: 'backup_code',
      claim: (tx) => claimBackupCode(tx, { userId, hash, now: new Date(now) }),
    };
  }
  const sealed = factor.sealed_secret;
  const step = code === undefined ? null : await authenticators.findStep({ userId, sealed, code, now });
  return {
    method: 'totp',
    claim: async (tx) => step !== null && (await claimStep(tx, { id: factor.id, step })),
  };
}
