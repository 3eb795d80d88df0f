import { expect, it } from 'vitest';
import { isCommonPassword } from './common-passwords.ts';

it.each(['password', '12345678', 'Password', 'QWERTYUIOP', 'iloveyou', 'trustno1'])(
  'knows %s to be common',
  async (password) => expect(await isCommonPassword(password)).toBe(true),
);

it.each(['correct horse battery staple', 'xk7wq2vbnzpm', 'mot de passe à moi', 'password of my own'])(
  'lets %s pass',
  async (password) => expect(await isCommonPassword(password)).toBe(false),
);
