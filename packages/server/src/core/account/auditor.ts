import { SYSTEM_TENANT, type Auditor } from '../audit/index.ts';
import { findHome } from '../identity/index.ts';
import type { Tx } from '../ports.ts';
import type { OpenCtx } from './types.ts';

/** Who did something to a user while nobody is logged in: recorded in the team that the user joined first. */
export async function auditorOf(
  { client, requestId }: Pick<OpenCtx, 'client' | 'requestId'>,
  tx: Tx,
  userId: string,
  actor: string,
): Promise<Auditor> {
  const home = await findHome(tx, userId);
  return { tenantId: home?.id ?? SYSTEM_TENANT, actor, client, requestId };
}
