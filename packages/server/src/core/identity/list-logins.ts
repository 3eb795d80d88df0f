import { pageQuerySchema, type Page, type PageQuery, type UserSession } from '@holdfast/protocol';
import type { Ctx } from '../context.ts';
import { totalOf } from '../count-rows.ts';
import { pageOf } from '../wire.ts';
import { requireLogin } from './require-login.ts';
import { countLogins, selectLogins } from './login-queries.ts';

/** The caller's own live logins, in whichever team, newest first. @throws FORBIDDEN; VALIDATION_ERROR */
export async function listLogins(ctx: Ctx, input: PageQuery): Promise<Page<UserSession>> {
  const { userId, loginId } = requireLogin(ctx);
  const page = pageQuerySchema.parse(input);
  const { limit, after } = page;
  const now = new Date(ctx.clock.now());
  const rows = await selectLogins(ctx.db, userId, { limit: limit + 1, after, now, currentId: loginId });
  const total = await totalOf(page, rows, (include) => countLogins(ctx.db, userId, now, include));
  return pageOf(rows, limit, (row) => row, total);
}
