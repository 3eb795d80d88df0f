import { createHmac } from 'node:crypto';
import type { Kysely } from 'kysely';
import { v7 as uuid } from 'uuid';
import { DomainError } from '../../core/errors.ts';
import type { Account, Accounts, Db } from '../../core/ports.ts';
import type { Tables } from '../../core/tables.ts';
import { isCommonPassword } from './common-passwords.ts';

const CREDENTIAL = 'credential';
const TIME_COLUMNS = { createdAt: 'created_at', updatedAt: 'updated_at' };

/** Loaded at the first login, because it costs 20 MB and a quarter of a second. */
async function openBetterAuth(kysely: Kysely<Tables>, secret: string) {
  const { betterAuth } = await import('better-auth');
  const auth = betterAuth({
    secret,
    // Our `Db` owns transactions; better-auth would open one on the pool, where a single connection deadlocks.
    database: { db: kysely, type: 'postgres', transaction: false },
    emailAndPassword: { enabled: true },
    user: { modelName: 'users', fields: { emailVerified: 'email_verified', ...TIME_COLUMNS } },
    account: {
      modelName: 'user_accounts',
      fields: {
        userId: 'user_id',
        accountId: 'account_id',
        providerId: 'provider_id',
        accessToken: 'access_token',
        refreshToken: 'refresh_token',
        idToken: 'id_token',
        accessTokenExpiresAt: 'access_token_expires_at',
        refreshTokenExpiresAt: 'refresh_token_expires_at',
        ...TIME_COLUMNS,
      },
    },
    session: {
      modelName: 'user_sessions',
      fields: {
        userId: 'user_id',
        expiresAt: 'expires_at',
        ipAddress: 'ip_address',
        userAgent: 'user_agent',
        ...TIME_COLUMNS,
      },
    },
    verification: { modelName: 'user_verifications', fields: { expiresAt: 'expires_at', ...TIME_COLUMNS } },
    // The migrations own the schema: no introspection at each start.
    advanced: { database: { generateId: () => uuid(), validateSchema: false } },
    logger: { disabled: true },
    telemetry: { enabled: false },
  });
  return auth.$context;
}

type BetterAuth = Awaited<ReturnType<typeof openBetterAuth>>;

/**
 * Password accounts kept by better-auth in our own tables.
 * @param secret the installation's secret; better-auth gets a key derived from it.
 */
export function createAccounts(db: Db, secret: string): Accounts {
  const derived = createHmac('sha256', secret).update('accounts').digest('base64url');
  let opened: Promise<BetterAuth> | null = null;
  const open = (): Promise<BetterAuth> => {
    opened ??= openBetterAuth(db.kysely, derived).catch((error: unknown) => {
      opened = null;
      throw error;
    });
    return opened;
  };
  return {
    async createUser(tx, user) {
      return createUser(await openBetterAuth(tx.kysely, derived), user);
    },
    async hashPassword(password) {
      return (await open()).password.hash(password);
    },
    async setPassword(tx, userId, passwordHash) {
      await setPassword(await openBetterAuth(tx.kysely, derived), userId, passwordHash);
    },
    async verifyPassword(email, password) {
      return verifyPassword(await open(), email, password);
    },
    async verifyPasswordOf(userId, password) {
      const auth = await open();
      return checkHash(auth, await auth.internalAdapter.findAccounts(userId), password);
    },
    isCommonPassword,
  };
}

async function createUser(
  auth: BetterAuth,
  { email, name, verified = true, ...secret }: Parameters<Accounts['createUser']>[1],
): Promise<Account> {
  const taken = new DomainError('RESOURCE_CONFLICT', 'This e-mail already has an account.');
  if ((await auth.internalAdapter.findUserByEmail(email)) !== null) throw taken;
  try {
    const user = await auth.internalAdapter.createUser(
      { email, name, emailVerified: verified },
      { method: 'admin' },
    );
    const hash = 'password' in secret ? await auth.password.hash(secret.password) : secret.passwordHash;
    await createCredential(auth, user.id, hash);
    return { id: user.id, email: user.email, name: user.name };
  } catch (error) {
    if ((error as { code?: unknown }).code === '23505') throw taken;
    throw error;
  }
}

async function createCredential(auth: BetterAuth, userId: string, password: string): Promise<void> {
  await auth.internalAdapter.createAccount({
    userId,
    accountId: userId,
    providerId: CREDENTIAL,
    password,
  });
}

async function setPassword(auth: BetterAuth, userId: string, hash: string): Promise<void> {
  const known = await auth.internalAdapter.findAccounts(userId);
  if (known.some(({ providerId }) => providerId === CREDENTIAL))
    await auth.internalAdapter.updatePassword(userId, hash);
  else await createCredential(auth, userId, hash);
}

/** As slow without a hash as with one, so that the time does not tell which e-mails exist. */
async function checkHash(
  auth: BetterAuth,
  accounts: readonly { providerId: string; password?: string | null }[],
  password: string,
): Promise<boolean> {
  const hash = accounts.find(({ providerId }) => providerId === CREDENTIAL)?.password;
  if (hash) return auth.password.verify({ hash, password });
  await auth.password.hash(password);
  return false;
}

/** Not better-auth's sign-in: that stores a session with its token in plain text, and our tokens need none. */
async function verifyPassword(auth: BetterAuth, email: string, password: string): Promise<Account | null> {
  const found = await auth.internalAdapter.findUserByEmail(email, { includeAccounts: true });
  const matches = await checkHash(auth, found?.accounts ?? [], password);
  if (found === null || !matches) return null;
  const { id, email: address, name } = found.user;
  return { id, email: address, name };
}
