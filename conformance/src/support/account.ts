import { acceptedSchema, emailSchema, loginReplySchema, type Login } from '@holdfast/protocol';
import { expect } from 'vitest';
import { V1 } from './api.ts';
import { dataOf, pageOf } from './expect.ts';
import { get, post, type Answer } from './http.ts';

export const AUTH = `${V1}/auth`;
export const PASSWORD = 'a password of its own 7';

export interface Registered {
  email: string;
  login: Login;
}

/** Posts without a credential, as a stranger does. */
export const postOpen = (
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> => post(`${AUTH}${path}`, body, { token: null, headers });

export const logIn = (email: string, password = PASSWORD): Promise<Answer> =>
  postOpen('/login', { email, password });

export const newEmail = (): string => `${crypto.randomUUID()}@conformance.example`;

/** A user of the suite's own, logged in; the address is not proven. */
export async function register(email = newEmail()): Promise<Registered> {
  dataOf(await postOpen('/register', { name: 'Ann', email, password: PASSWORD }), acceptedSchema, 202);
  return { email, login: dataOf(await logIn(email), loginReplySchema) };
}

/** Texts of the mails of that template which wait in the user's own outbox, newest first. */
export async function mailsOf(token: string, template: string): Promise<string[]> {
  const { items } = pageOf(await get(`${V1}/admin/emails?limit=100`, { token }), emailSchema);
  return items.filter((mail) => mail.template === template).map((mail) => mail.body!.text);
}

/** The token in the link of the newest mail of that template. */
export async function mailedToken(token: string, template: string): Promise<string> {
  const [newest] = await mailsOf(token, template);
  const found = /#token=([A-Za-z0-9_-]{43})\b/.exec(newest ?? '')?.[1];
  expect({ newest, found }).toMatchObject({ found: expect.any(String) });
  return found!;
}

/** A user whose address is proven. */
export async function registerVerified(): Promise<Registered> {
  const user = await register();
  const token = await mailedToken(user.login.accessToken, 'verify_email');
  expect((await postOpen('/verify-email', { token })).status).toBe(200);
  return user;
}
