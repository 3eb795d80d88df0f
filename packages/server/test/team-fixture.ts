import { randomUUID } from 'node:crypto';
import type { Ctx, Principal } from '../src/core/context.ts';
import { scopesOfRole, type MemberRole } from '../src/core/identity/index.ts';
import { createAccounts } from '../src/infra/auth/index.ts';
import { auditEntries, type RecordedEntry } from './audit.ts';
import { openHarness, type Engine, type Harness } from './harness.ts';
import { SECRET } from './identity-harness.ts';

export interface Person {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
}

/** What tests of teams need again and again. People have no password: nobody logs in here. */
export class Teams {
  readonly h: Harness;
  readonly accounts: ReturnType<typeof createAccounts>;

  private constructor(h: Harness) {
    this.h = h;
    this.accounts = createAccounts(h.db, SECRET);
  }

  static async open(engine: Engine, options: { ownDb?: boolean } = {}): Promise<Teams> {
    return new Teams(await openHarness({ engine, ...options }));
  }

  async person(name = 'Ann'): Promise<Person> {
    const id = randomUUID();
    const email = `${id}@example.com`;
    await this.h.db.kysely.insertInto('users').values({ id, name, email }).execute();
    return { userId: id, email, name };
  }

  async join(teamId: string, role: MemberRole, person?: Person): Promise<Person> {
    const who = person ?? (await this.person(role));
    await this.h.db.kysely
      .insertInto('memberships')
      .values({ tenant_id: teamId, user_id: who.userId, role })
      .execute();
    return who;
  }

  /** A team with one member of each role. */
  async team(): Promise<{ teamId: string } & Record<MemberRole, Person>> {
    const { tenantId: teamId } = await this.h.createTenant();
    const roles = ['owner', 'admin', 'member', 'read_only'] as const;
    const people = await Promise.all(roles.map((role) => this.join(teamId, role)));
    const [owner, admin, member, read_only] = people as [Person, Person, Person, Person];
    return { teamId, owner, admin, member, read_only };
  }

  /** That person with a token for that team, and the scopes that the role in it gives. */
  as({ userId }: Person, teamId: string, role: MemberRole = 'owner', more: Partial<Ctx> = {}): Ctx {
    const principal: Principal = {
      kind: 'user',
      tenantId: teamId,
      actor: `user:${userId}`,
      userId,
      scopes: scopesOfRole(role),
      expiresAt: null,
    };
    return { ...this.h.services, principal, requestId: randomUUID(), ...more };
  }

  async roles(teamId: string): Promise<Record<string, MemberRole>> {
    const rows = await this.h.db.kysely
      .selectFrom('memberships')
      .select(['user_id', 'role'])
      .where('tenant_id', '=', teamId)
      .execute();
    return Object.fromEntries(rows.map(({ user_id, role }) => [user_id, role]));
  }

  audit(teamId: string, action?: string): Promise<RecordedEntry[]> {
    return auditEntries(this.h.db, teamId, action);
  }

  /** The links that were mailed to an address, newest first. */
  async linksTo(email: string): Promise<{ url: string; token: string }[]> {
    const rows = await this.h.db.kysely
      .selectFrom('emails')
      .select('variables')
      .where('recipient', '=', email.toLowerCase())
      .orderBy('id', 'desc')
      .execute();
    return rows.map(({ variables }) => JSON.parse(variables) as { url: string; token: string });
  }
}
