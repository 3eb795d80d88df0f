import { expect, it } from 'vitest';
import { createLogger } from './logger.ts';

function logged(fields: object, message = 'm'): string {
  let text = '';
  createLogger('debug', { write: (line) => void (text += line) }).info(fields, message);
  expect(() => JSON.parse(text) as unknown).not.toThrow();
  return text;
}

it.each(['authorization', 'cookie', 'x-api-key', 'password', 'token', 'secret', 'key'])(
  'removes %s at any of four depths',
  (name) => {
    const at = { [name]: 'canary' };
    expect(logged({ ...at, a: at, b: { a: at }, c: { b: { a: at } }, kept: 'kept' })).not.toContain('canary');
    expect(logged({ kept: 'kept', a: at })).toContain('kept');
  },
);

it.each([
  'Bearer abcdefghijkl',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl',
  'hf_0123456789abcdef',
  'sk-proj-0123456789abcdef',
  'whsec_MfKQ9r8GKYqrTwjU+PD8',
])('removes what looks like a credential wherever it stands: %s', (secret) => {
  const text = logged({ note: `x ${secret} y` }, `message with ${secret}`);
  expect(text).not.toContain(secret.replace('Bearer ', ''));
});

it('tells of an error and its causes only what is safe', () => {
  const cause = Object.assign(new Error('inner'), { code: '23505', detail: 'Key (email)=(a@b.c) exists' });
  const line = JSON.parse(logged({ err: new Error('outer', { cause }) })) as { err: Record<string, unknown> };
  expect(line.err).toMatchObject({
    type: 'Error',
    message: 'outer',
    cause: { message: 'inner', code: '23505' },
  });
  expect(JSON.stringify(line)).not.toContain('a@b.c');
  expect(line.err.stack).toContain('logger.test.ts');
});
