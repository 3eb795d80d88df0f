import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES } from '../../../test/harness.ts';
import { Teams, type Person } from '../../../test/team-fixture.ts';
import { SYSTEM_TENANT } from '../audit/index.ts';
import type { Ctx } from '../context.ts';
import { expireMail, listMail, onMailQueued, queueMail, type Mail, type QueuedMail } from './index.ts';

const URL = 'https://holdfast.test/reset#token=secret-token';

describe.each(ENGINES)('mail on %s', (engine) => {
  let t: Teams;
  beforeAll(async () => {
    t = await Teams.open(engine);
  }, 60_000);
  afterAll(() => t.h.close());

  const queue = (mail: Mail) => t.h.db.transaction((tx) => queueMail(tx, mail));
  const reset = (to: string, more: { tenantId?: string } = {}): Mail => ({
    to,
    template: 'password_reset',
    variables: { name: 'Ann', url: URL, token: 'secret-token' },
    ...more,
  });
  const rowsTo = (to: string) =>
    t.h.db.kysely.selectFrom('emails').selectAll().where('recipient', '=', to).execute();
  const admin = (tenantId: string, settings: Partial<Ctx['settings']> = {}): Ctx => {
    const ctx = t.h.ctxFor({ tenantId });
    return { ...ctx, settings: { ...ctx.settings, ...settings } };
  };

  it('belongs to the tenant that is named, else to the recipient’s home, else to none', async () => {
    const [one, two] = [await t.team(), await t.team()];
    await t.join(two.teamId, 'member', one.owner);
    await queue(reset(one.owner.email));
    await queue(reset(one.owner.email, { tenantId: two.teamId }));
    const stranger = (await t.person()).email;
    await queue(reset(stranger));
    expect((await rowsTo(one.owner.email)).map(({ tenant_id }) => tenant_id).toSorted()).toEqual(
      [one.teamId, two.teamId].toSorted(),
    );
    expect(await rowsTo(stranger)).toMatchObject([
      { tenant_id: SYSTEM_TENANT, status: 'queued', attempts: 0 },
    ]);
  });

  it('leaves only if the change stands, and is told of only then', async () => {
    const { email } = await t.person();
    const told: QueuedMail[] = [];
    const forget = onMailQueued((mail) => told.push(mail));
    const failing = t.h.db.transaction(async (tx) => {
      await queueMail(tx, reset(email));
      throw new Error('later');
    });
    await expect(failing).rejects.toThrow('later');
    expect([await rowsTo(email), told]).toEqual([[], []]);
    await queue(reset(email));
    forget();
    await queue(reset(email));
    expect(told).toEqual([{ to: email, template: 'password_reset', url: URL }]);
  });

  it('fails where it is queued when a variable is missing, and takes the change with it', async () => {
    const { email } = await t.person();
    const incomplete = { ...reset(email), variables: { name: 'Ann', token: 't' } } as never;
    await expect(queue(incomplete)).rejects.toThrow('The mail password_reset cannot be written (url:');
    await expect(queue({ to: email, template: 'nothing', variables: {} } as never)).rejects.toThrow(
      'no mail',
    );
    expect(await rowsTo(email)).toEqual([]);
  });

  it('that has become useless is given up, and its link forgotten', async () => {
    const { teamId, owner } = await t.team();
    await queue(reset(owner.email));
    await queue(reset(owner.email));
    const [old] = await rowsTo(owner.email);
    await expireMail(t.h.db);
    expect(await rowsTo(owner.email)).toMatchObject([{ status: 'queued' }, { status: 'queued' }]);
    await t.h.db.kysely
      .updateTable('emails')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .where('id', '=', old!.id)
      .execute();
    expect(await expireMail(t.h.db)).toBeGreaterThanOrEqual(1);
    const { items } = await listMail(admin(teamId), { limit: 10 });
    expect(items.toSorted((a, b) => (a.status < b.status ? -1 : 1))).toMatchObject([
      { id: old!.id, status: 'failed', error: 'It was not sent in time.', body: null },
      { status: 'queued', body: { text: expect.stringContaining(URL) } },
    ]);
    const stored = (await rowsTo(owner.email)).find(({ id }) => id === old!.id);
    expect(JSON.parse(stored!.variables)).toEqual({ name: 'Ann' });
  });

  describe('the list', () => {
    let team: { teamId: string; owner: Person; member: Person };
    beforeAll(async () => {
      team = await t.team();
      for (const person of [team.owner, team.member, team.owner]) await queue(reset(person.email));
    });

    it('shows the mails of the tenant, newest first, page by page, and records the look', async () => {
      const first = await listMail(admin(team.teamId), { limit: 2 });
      expect(first.items).toMatchObject([{ recipient: team.owner.email }, { recipient: team.member.email }]);
      expect(first.items[0]).toEqual({
        id: expect.any(String),
        recipient: team.owner.email,
        template: 'password_reset',
        status: 'queued',
        attempts: 0,
        next_attempt_at: expect.any(String),
        message_id: null,
        provider_id: null,
        error: null,
        created_at: expect.any(String),
        sent_at: null,
        body: {
          subject: 'Choose a new password',
          text: expect.stringContaining(URL),
          html: expect.stringContaining(URL),
        },
      });
      const rest = await listMail(admin(team.teamId), { limit: 2, after: first.next_cursor! });
      expect(rest).toMatchObject({ items: [{ recipient: team.owner.email }], next_cursor: null });
      const [look] = await t.audit(team.teamId, 'email.viewed');
      expect(look).toMatchObject({
        targets: first.items.map(({ id }) => ({ type: 'email', id })),
        context: { details: { with_body: true } },
      });
      expect(JSON.stringify(look)).not.toContain('secret-token');
    });

    it('can be narrowed to a status', async () => {
      expect((await listMail(admin(team.teamId), { limit: 9, status: 'failed' })).items).toEqual([]);
      expect((await listMail(admin(team.teamId), { limit: 9, status: 'queued' })).items).toHaveLength(3);
    });

    it('tells nothing of what mails say where they are sent, or in production', async () => {
      const { items } = await listMail(admin(team.teamId, { showsMail: false }), { limit: 9 });
      expect(items.map(({ body }) => body)).toEqual([null, null, null]);
      expect(JSON.stringify(items)).not.toContain('secret-token');
    });

    it('P-06 is of one tenant', async () => {
      const other = await t.team();
      expect((await listMail(admin(other.teamId), { limit: 9 })).items).toEqual([]);
      const [mine] = (await listMail(admin(team.teamId), { limit: 1 })).items;
      expect((await listMail(admin(other.teamId), { limit: 9, after: mine!.id })).items).toEqual([]);
    });

    it('needs the scope admin', async () => {
      const weak = t.h.ctxFor({ tenantId: team.teamId, scopes: ['read', 'write', 'hold'] });
      await expect(listMail(weak, { limit: 9 })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    });
  });
});
