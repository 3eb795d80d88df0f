import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';

const limitOf = (env: Record<string, string>) => loadConfig(env, null).limit;

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env, null);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ variable }) => variable);
  }
}

describe('the configuration of limits', () => {
  test('has the defaults of the policies, no trusted proxy, and finds its engine', () => {
    expect(limitOf({})).toEqual({ numbers: { fleet: { minute: 100 } }, engine: 'auto', trustedProxies: [] });
  });

  test('TASK-006.d numbers come from the environment; those of the fleet also by its own variable', () => {
    expect(limitOf({ RATE_LIMIT_PER_MINUTE: '500' }).numbers).toEqual({ fleet: { minute: 500 } });
    const numbers = { 'assistant.chat': { minute: 7 }, fleet: { hour: 9 } };
    expect(limitOf({ RATE_LIMITS: JSON.stringify(numbers), RATE_LIMIT_PER_MINUTE: '5' }).numbers).toEqual(
      numbers,
    );
  });

  test('* holds for the fleet too, unless it was given a number of its own', () => {
    const RATE_LIMITS = '{"*":{"minute":9}}';
    expect(limitOf({ RATE_LIMITS }).numbers).toEqual({ '*': { minute: 9 } });
    const own = limitOf({ RATE_LIMITS, RATE_LIMIT_PER_MINUTE: '5' });
    expect(own.numbers).toEqual({ '*': { minute: 9 }, fleet: { minute: 5 } });
  });

  test('off counts nothing', () => {
    expect(limitOf({ RATE_LIMITS: 'off' }).numbers).toBeNull();
  });

  test.each([
    'on',
    '{',
    '[]',
    '5',
    '{"nonsense":{"minute":1}}',
    '{"fleet":{"minute":0}}',
    '{"fleet":{"burst":1}}',
  ])('refuses RATE_LIMITS=%s and names it', (RATE_LIMITS) => {
    expect(problemsOf({ RATE_LIMITS })).toEqual(['RATE_LIMITS']);
  });

  test('proxies are addresses and networks', () => {
    const TRUSTED_PROXIES = '10.0.0.0/8, 127.0.0.1,fd00::/8';
    expect(limitOf({ TRUSTED_PROXIES }).trustedProxies).toEqual(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);
    for (const wrong of ['proxy.example.com', '10.0.0.0/40', '*', '10.0.0.1,'])
      expect(problemsOf({ TRUSTED_PROXIES: wrong })).toEqual(['TRUSTED_PROXIES']);
  });

  test('counting in Redis needs a Redis', () => {
    expect(problemsOf({ LIMIT_ENGINE: 'redis' })).toEqual(['REDIS_URL']);
    expect(limitOf({ LIMIT_ENGINE: 'redis', REDIS_URL: 'redis://127.0.0.1' }).engine).toBe('redis');
  });
});
