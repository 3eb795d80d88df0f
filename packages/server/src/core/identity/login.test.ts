import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES, openHarness, type Harness } from '../../../test/harness.ts';
import { createMember, HOUR, identityFor } from '../../../test/identity-harness.ts';
import { login } from './index.ts';

describe.each(ENGINES)('login on %s', (engine) => {
  let h: Harness;
  let services: ReturnType<typeof identityFor>;
  let tenantId: string;
  let member: { userId: string; email: string; password: string };
  beforeAll(async () => {
    h = await openHarness({ engine });
    services = identityFor(h.db);
    ({ tenantId } = await h.createTenant());
    member = await createMember(services, tenantId);
  }, 30_000);
  afterAll(() => h.close());

  it('answers with exactly the fields of the contract', async () => {
    const answer = await login(services, { email: member.email, password: member.password });
    expect(answer).toEqual({
      accessToken: expect.any(String),
      expiresAt: expect.any(String),
      user: { id: member.userId, email: member.email, name: 'Test' },
      tenantId,
      tenantName: 'Test',
      refreshToken: expect.stringMatching(/^hfr_[A-Za-z0-9_-]{43}$/),
      refreshExpiresAt: new Date(services.clock.now() + 24 * HOUR).toISOString(),
    });
    const { exp } = JSON.parse(Buffer.from(answer.accessToken.split('.')[1]!, 'base64url').toString()) as {
      exp: number;
    };
    expect(Date.parse(answer.expiresAt)).toBe(exp * 1000);
    expect(exp * 1000).toBeGreaterThan(services.clock.now());
  });

  it('tells a wrong password and an unknown e-mail apart in nothing', async () => {
    const wrong = await login(services, { email: member.email, password: 'wrong' }).catch(
      (error: unknown) => error,
    );
    const unknown = await login(services, { email: 'nobody@example.com', password: 'wrong' }).catch(
      (error: unknown) => error,
    );
    expect(wrong).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(unknown).toEqual(wrong);
  });

  it('refuses a user who is in no tenant', async () => {
    const lone = await createMember(services, tenantId);
    await h.db.kysely.deleteFrom('memberships').where('user_id', '=', lone.userId).execute();
    const { email, password } = lone;
    await expect(login(services, { email, password })).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it.each([
    ['email', { password: 'x' }],
    ['password', { email: 'a@example.com' }],
    ['email', { email: 'nobody', password: 'x' }],
    ['email', { email: `${'a'.repeat(250)}@example.com`, password: 'x' }],
    ['email', { email: 'a\0@example.com', password: 'x' }],
    ['email', { email: ['a@example.com'], password: 'x' }],
    ['password', { email: 'a@example.com', password: '' }],
    ['password', { email: 'a@example.com', password: 'x'.repeat(1025) }],
    ['', null],
  ])('names the bad field %s', async (field, input) => {
    await expect(login(services, input as never)).rejects.toMatchObject({
      issues: [{ path: field === '' ? [] : [field] }],
    });
  });

  it.each(['x'.repeat(1024), 'nul\0', '\ud800'])('takes any password within bounds %#', async (password) => {
    await expect(login(services, { email: member.email, password })).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    });
  });
});
