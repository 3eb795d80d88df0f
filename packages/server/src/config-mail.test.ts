import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';

const SERVER = { SMTP_URL: 'smtps://user:hunter2@mail.example.com', MAIL_FROM: 'no-reply@example.com' };

/** What is said of the variables of mail; other parts have their own conditions. */
function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env, null);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).not.toContain('hunter2');
    const names = ['SMTP_URL', 'MAIL_FROM', 'PUBLIC_URL'];
    return error.problems.map(({ variable }) => variable).filter((name) => names.includes(name));
  }
}

describe('the variables of mail', () => {
  it('are not needed: mails then wait to be read', () => {
    expect(loadConfig({}, null).mail).toBeNull();
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([]);
  });

  it.each([
    ['no-reply@example.com'],
    ['Holdfast <no-reply@example.com>'],
    ['Team Holdfast, at work <no-reply@example.com>'],
  ])('take the sender %s', (from) => {
    expect(loadConfig({ ...SERVER, MAIL_FROM: from }, null).mail).toEqual({ url: SERVER.SMTP_URL, from });
  });

  it.each([
    'nobody',
    'Holdfast',
    'Holdfast <nobody>',
    'a@example.com, b@example.com',
    '"Holdfast" <a@example.com>',
    'Holdfast <a@example.com> <b@example.com>',
    'Holdfast\r\nBcc: b@example.com <a@example.com>',
  ])('refuse the sender %j', (from) => {
    expect(problemsOf({ ...SERVER, MAIL_FROM: from })).toEqual(['MAIL_FROM']);
  });

  it.each(['mail.example.com:25', 'http://mail.example.com', 'smtp://'])('refuse the server %s', (url) => {
    expect(problemsOf({ ...SERVER, SMTP_URL: url })).toEqual(['SMTP_URL']);
  });

  it('go together, in production with the address that links begin with', () => {
    expect(problemsOf({ SMTP_URL: SERVER.SMTP_URL })).toEqual(['MAIL_FROM']);
    expect(problemsOf({ ...SERVER, NODE_ENV: 'production' })).toEqual(['PUBLIC_URL']);
    const reachable = { ...SERVER, NODE_ENV: 'production', PUBLIC_URL: 'https://holdfast.example.com' };
    expect(problemsOf(reachable)).toEqual([]);
  });
});
