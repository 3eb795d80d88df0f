import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';

const STRONG = 'pq7Zr2Vx9Lw4Tn6Bs1Kd8Mf3Hg5Jc0Ya';
const OTHER = 'Ue5Rw8Ty2Ip7Ao4Sd9Fg1Hj6Kl3Zx0Cv';
const WEAK = 'my-super-secret-jwt-key-for-signing';

/** What is said of the login's variables; other parts have their own conditions. */
function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env, null);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const own = error.problems.filter(({ variable }) => variable.startsWith('JWT_SECRET'));
    return own.map(({ variable, rule }) => `${variable} ${rule}`);
  }
}

describe('the secret of login tokens', () => {
  it.each([WEAK, 's'.repeat(64), '0123456789abcdef'.repeat(2), 'one secret that all of the servers share'])(
    'stops a start in production when it is %s',
    (secret) => {
      const problems = problemsOf({ NODE_ENV: 'production', JWT_SECRET: secret });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(/^JWT_SECRET is too weak for production: it .* openssl rand -base64 32$/);
      expect(problems[0]).not.toContain(secret);
      expect(problemsOf({ NODE_ENV: 'development', JWT_SECRET: secret })).toEqual([]);
    },
  );

  it('may be replaced by another strong one', () => {
    const replacing = { JWT_SECRET: STRONG, JWT_SECRET_PREVIOUS: OTHER };
    expect(problemsOf({ NODE_ENV: 'production', ...replacing })).toEqual([]);
    expect(loadConfig(replacing, null).identity).toMatchObject({
      jwtSecret: STRONG,
      previousJwtSecret: OTHER,
    });
  });

  it.each([
    [{ JWT_SECRET: STRONG, JWT_SECRET_PREVIOUS: STRONG }, /^JWT_SECRET_PREVIOUS must differ/],
    [{ JWT_SECRET_PREVIOUS: OTHER }, /^JWT_SECRET_PREVIOUS is of use beside JWT_SECRET only/],
    [{ JWT_SECRET: STRONG, JWT_SECRET_PREVIOUS: 'short' }, /^JWT_SECRET_PREVIOUS must be text of 32/],
    [
      { NODE_ENV: 'production', JWT_SECRET: STRONG, JWT_SECRET_PREVIOUS: WEAK },
      /^JWT_SECRET_PREVIOUS is too weak/,
    ],
  ])('refuses %o', (env, problem) => {
    expect(problemsOf(env as Record<string, string>)).toEqual([expect.stringMatching(problem)]);
  });

  it('signs for a day, and logins last for thirty', () => {
    const DAY = 24 * 3_600_000;
    expect(loadConfig({}, null).identity).toMatchObject({ tokenTtlMs: DAY, loginTtlMs: 30 * DAY });
    const env = { TOKEN_TTL_HOURS: '1', LOGIN_TTL_DAYS: '7' };
    expect(loadConfig(env, null).identity).toMatchObject({ tokenTtlMs: DAY / 24, loginTtlMs: 7 * DAY });
  });
});
