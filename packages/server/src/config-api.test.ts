import { expect, it } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';

const originsOf = (value?: string) =>
  loadConfig(value === undefined ? {} : { CORS_ORIGINS: value }, null).api.corsOrigins;

it('lets no web page of another origin in by default', () => {
  expect(originsOf()).toEqual([]);
  expect(originsOf('')).toEqual([]);
});

it.each([
  ['https://app.example.com', ['https://app.example.com']],
  [
    'https://a.example, http://localhost:5173 ,chrome-extension://abcdef',
    ['https://a.example', 'http://localhost:5173', 'chrome-extension://abcdef'],
  ],
  ['vscode-webview://*', ['vscode-webview://*']],
  ['http://[::1]:3000', ['http://[::1]:3000']],
  ['*', ['*']],
])('reads the origins %s', (value, origins) => {
  expect(originsOf(value)).toEqual(origins);
});

it.each([
  'app.example.com',
  'https://app.example.com/',
  'https://app.example.com/path',
  'https://*.example.com',
  'https://*',
  'http://*',
  'https://user@example.com',
  'https://a.example,,https://b.example',
  'null',
])('refuses %s', (value) => {
  expect(() => originsOf(value)).toThrow(ConfigError);
  expect(() => originsOf(value)).toThrow(/CORS_ORIGINS \(environment\) must be a comma-separated list/);
});
