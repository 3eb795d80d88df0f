import { createHash, createHmac, randomUUID } from 'node:crypto';
import { textToSign } from '@holdfast/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { auditEntries } from '../../../test/audit.ts';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { ManualClock } from '../../../test/manual-clock.ts';
import { authenticateSigned, purgeSignatures, type SignedRequest, type SignedService } from './index.ts';

const SECRET = 'the secret of the chat service, now';
const OLD_SECRET = 'the secret of the chat service, before';

interface Draft {
  secret?: string;
  timestamp?: string;
  userId?: string;
  method?: string;
  target?: string;
  body?: string;
  signs?: readonly string[];
  repeatable?: boolean;
}

describe.each(ENGINES)('signed requests on %s', (engine) => {
  let h: Harness;
  let clock: ManualClock;
  let tenantId: string;
  let service: SignedService;
  beforeAll(async () => {
    h = await openHarness({ engine });
  }, 60_000);
  beforeEach(async () => {
    clock = new ManualClock();
    ({ tenantId } = await h.createTenant());
    service = {
      name: 'chat',
      secrets: [SECRET],
      tenantId,
      scopes: ['read', 'write'],
      skewMs: 300_000,
      requiresSignedUser: false,
    };
  });
  afterAll(() => h.close());

  const seconds = () => String(clock.now() / 1000);

  function sign(draft: Draft = {}): SignedRequest {
    const { secret = SECRET, timestamp = seconds(), userId = 'ann', method = 'POST', body = '{}' } = draft;
    const { target = '/v1/chat/unified', signs = [], repeatable = false } = draft;
    const headers = signs.map((name) => [name, name === 'x-user-id' ? userId : 'value'] as const);
    const bodyHash = createHash('sha256').update(body).digest('hex');
    const text = textToSign({ timestamp, method, target, bodyHash, headers });
    return {
      signature: createHmac('sha256', secret).update(text).digest('hex'),
      timestamp,
      userId,
      method,
      target,
      headers,
      readBody: async () => Buffer.from(body),
      repeatable: () => repeatable,
    };
  }

  const show = (request: SignedRequest) =>
    authenticateSigned({ db: h.db, clock, signedService: service }, request);
  const refusal = (message: string | RegExp) => ({
    code: 'UNAUTHORIZED',
    message: typeof message === 'string' ? message : expect.stringMatching(message),
  });
  const wrong = refusal('The signature is not valid.');

  it('C-10 is signed over timestamp, method, path with query and the hash of the body', async () => {
    const body = '{"message":"hé"}';
    const hash = createHash('sha256').update(body).digest('hex');
    const text = `${seconds()}\nPOST\n/v1/chat/unified?x=1\n${hash}`;
    const request = {
      ...sign({ body, target: '/v1/chat/unified?x=1' }),
      signature: createHmac('sha256', SECRET).update(text).digest('hex'),
    };
    expect(await show(request)).toEqual({
      kind: 'service',
      tenantId,
      actor: expect.stringMatching(/^user:[0-9a-f-]{36}$/),
      userId: expect.any(String),
      service: 'chat',
      tier: 'free',
      scopes: new Set(['read', 'write']),
      expiresAt: null,
    });
  });

  it.each<[string, Partial<SignedRequest>]>([
    ['method', { method: 'PUT' }],
    ['path', { target: '/v1/chat/other' }],
    ['query', { target: '/v1/chat/unified?admin=1' }],
    ['body', { readBody: async () => Buffer.from('{"more":1}') }],
    ['empty body', { readBody: async () => Buffer.alloc(0) }],
    ['signed headers', { headers: [['x-user-id', 'ann']] }],
    ['signature', { signature: 'f'.repeat(64) }],
  ])('C-10 refuses a swapped %s', async (_what, swapped) => {
    await expect(show({ ...sign(), ...swapped })).rejects.toMatchObject(wrong);
  });

  it('C-10 refuses a swapped timestamp within the window', async () => {
    const later = { timestamp: String(clock.now() / 1000 + 1) };
    await expect(show({ ...sign(), ...later })).rejects.toMatchObject(wrong);
  });

  it('refuses a swapped user when the signature covers x-user-id', async () => {
    const request = sign({ signs: ['x-user-id'] });
    const swapped = { ...request, userId: 'bob', headers: [['x-user-id', 'bob']] as const };
    await expect(show(swapped)).rejects.toMatchObject(wrong);
    const stripped = { ...request, userId: 'bob', headers: [] };
    await expect(show(stripped)).rejects.toMatchObject(wrong);
    await show(request);
  });

  it('can insist on a signature that covers x-user-id', async () => {
    service = { ...service, requiresSignedUser: true };
    await expect(show(sign())).rejects.toMatchObject(refusal(/must cover x-user-id/));
    await expect(show(sign({ signs: ['x-sheen-nonce'] }))).rejects.toMatchObject(refusal(/must cover/));
    await show(sign({ signs: ['x-user-id', 'x-sheen-nonce'] }));
  });

  it.each([
    [-300, true],
    [-301, false],
    [300, true],
    [301, false],
    [-1e9, false],
  ])('C-10 takes a timestamp %d s off: %s', async (offset, taken) => {
    const request = sign({ timestamp: String(clock.now() / 1000 + offset) });
    const call = show(request);
    if (taken) await call;
    else await expect(call).rejects.toMatchObject(refusal(/x-sheen-timestamp is more than 300 s/));
  });

  it('refuses a stale request before it reads its body', async () => {
    let read = 0;
    const stale = {
      ...sign({ timestamp: String(clock.now() / 1000 - 400) }),
      readBody: async () => {
        read += 1;
        return Buffer.alloc(0);
      },
    };
    await expect(show(stale)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    expect(read).toBe(0);
  });

  it.each(['', 'soon', '-1', '1e9', 'NaN', 'Infinity', '0x5', ' 1', '9'.repeat(13), '1.', '1,5'])(
    'refuses the timestamp %j',
    async (timestamp) => {
      await expect(show(sign({ timestamp }))).rejects.toMatchObject(refusal(/must be seconds/));
    },
  );

  it.each([
    '',
    'f',
    'f'.repeat(63),
    'f'.repeat(65),
    'g'.repeat(64),
    'f'.repeat(100_000),
    `${'f'.repeat(63)}\n`,
  ])('refuses a signature of any other length or alphabet without throwing %#', async (signature) => {
    await expect(show({ ...sign(), signature })).rejects.toMatchObject(refusal(/64 hexadecimal/));
  });

  it.each([undefined, '', 'two words', 'tab\t', 'x'.repeat(201), 'é', 'a\0'])(
    'C-10 refuses the user %j',
    async (userId) => {
      const request = { ...sign(), userId };
      await expect(show(request)).rejects.toMatchObject(refusal(/x-user-id must name/));
    },
  );

  it('refuses a signed header that was not sent', async () => {
    const request = {
      ...sign({ signs: ['x-sheen-nonce'] }),
      headers: [['x-sheen-nonce', undefined]] as const,
    };
    await expect(show(request)).rejects.toMatchObject(refusal(/x-sheen-nonce/));
  });

  it('takes the old secret during a rotation, and not after it', async () => {
    const old = () => sign({ secret: OLD_SECRET, body: randomUUID() });
    await expect(show(old())).rejects.toMatchObject(wrong);
    service = { ...service, secrets: [SECRET, OLD_SECRET] };
    await show(old());
    await show(sign());
    service = { ...service, secrets: [SECRET] };
    await expect(show(old())).rejects.toMatchObject(wrong);
  });

  it('says so where no service is set up', async () => {
    const call = authenticateSigned({ db: h.db, clock, signedService: null }, sign());
    await expect(call).rejects.toMatchObject(refusal(/CHAT_HMAC_SECRET is not set/));
  });

  describe('a replayed request', () => {
    const seen = refusal(/was received before/);

    it('is refused, also with the signature in another case and for another user', async () => {
      const request = sign();
      await show(request);
      await expect(show(request)).rejects.toMatchObject(seen);
      const upper = { ...request, signature: request.signature.toUpperCase() };
      await expect(show(upper)).rejects.toMatchObject(seen);
      await expect(show({ ...request, userId: 'bob' })).rejects.toMatchObject(seen);
    });

    it('is refused on every server that shares the database', async () => {
      const request = sign();
      const twins = await Promise.allSettled([1, 2, 3, 4].map(() => show(request)));
      expect(twins.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const twin of twins) if (twin.status === 'rejected') expect(twin.reason).toMatchObject(seen);
    });

    it('is refused for as long as its timestamp would be taken, whatever is purged', async () => {
      const request = sign({ timestamp: String(clock.now() / 1000 + 300) });
      await show(request);
      clock.advance(600_000);
      await purgeSignatures({ db: h.db, clock });
      await expect(show(request)).rejects.toMatchObject(seen);
      clock.advance(1);
      await expect(show(request)).rejects.toMatchObject(refusal(/more than 300 s/));
    });

    it.each(['GET', 'HEAD', 'OPTIONS'])('is taken again when it only reads: %s', async (method) => {
      const request = sign({ method, body: '' });
      expect(await show(request)).toEqual(await show(request));
    });

    it('is taken again when a repeat is harmless', async () => {
      const request = sign({ repeatable: true });
      expect(await show(request)).toEqual(await show(request));
    });

    it('differs from the same request signed again', async () => {
      await show(sign());
      clock.advance(1);
      await show(sign());
    });
  });

  it('forgets signatures that are too old to be taken', async () => {
    await show(sign());
    const count = async () =>
      (
        await h.db.kysely
          .selectFrom('seen_signatures')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .execute()
      ).length;
    expect(await count()).toBe(1);
    clock.advance(600_001);
    await purgeSignatures({ db: h.db, clock });
    expect(await count()).toBe(0);
  });

  describe('the user of a service', () => {
    it('is made at first sight, once, and audited', async () => {
      const calls = Array.from({ length: 8 }, (_, n) => show(sign({ body: String(n), userId: 'new' })));
      const users = new Set((await Promise.all(calls)).map(({ userId }) => userId));
      expect(users.size).toBe(1);
      const entries = await auditEntries(h.db, tenantId, 'external_user.created');
      expect(entries).toHaveLength(1);
      expect(entries[0]).toMatchObject({
        actor: { id: 'service:chat', on_behalf_of: `user:${[...users][0]}` },
        targets: [{ type: 'user' }],
      });
      const rows = await h.db.kysely
        .selectFrom('users')
        .select(['name', 'email', 'email_verified'])
        .where('id', 'in', [...users] as string[])
        .execute();
      expect(rows).toEqual([
        { name: 'new', email: expect.stringMatching(/@service\.invalid$/), email_verified: false },
      ]);
    });

    it('is another one for another name, tenant or service', async () => {
      const ann = await show(sign());
      const bob = await show(sign({ userId: 'bob', body: 'b' }));
      service = { ...service, name: 'mail' };
      const mail = await show(sign({ body: 'c' }));
      service = { ...service, name: 'chat', tenantId: (await h.createTenant()).tenantId };
      const elsewhere = await show(sign({ body: 'd' }));
      expect(new Set([ann, bob, mail, elsewhere].map(({ userId }) => userId)).size).toBe(4);
    });

    it('has no membership, so no login of the tenant', async () => {
      const { userId } = await show(sign());
      const rows = await h.db.kysely
        .selectFrom('memberships')
        .selectAll()
        .where('user_id', '=', userId!)
        .execute();
      expect(rows).toEqual([]);
    });

    it('goes with its tenant', async () => {
      await show(sign());
      await h.db.kysely.deleteFrom('tenants').where('id', '=', tenantId).execute();
      const rows = await h.db.kysely
        .selectFrom('external_users')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .execute();
      expect(rows).toEqual([]);
    });
  });

  it('belongs to the first tenant unless one is set, and waits for one that is missing', async () => {
    const first = await h.db.kysely
      .selectFrom('tenants')
      .select('id')
      .where('name', '!=', 'Fleet')
      .orderBy('created_at')
      .orderBy('id')
      .limit(1)
      .executeTakeFirstOrThrow();
    service = { ...service, tenantId: null };
    expect((await show(sign())).tenantId).toBe(first.id);
    service = { ...service, tenantId: randomUUID() };
    await expect(show(sign({ body: 'x' }))).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  });
});
