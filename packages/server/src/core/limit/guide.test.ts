import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TIERS } from '../context.ts';
import type { Allowance } from '../ports.ts';
import { DEFAULT_POLICIES } from './policies.ts';

const GUIDE = join(import.meta.dirname, '../../../../../docs/guides/rate-limits.md');

function textOf(allowance: Allowance): string {
  const windows = Object.entries(allowance).map(
    ([name, uses]) => `${(uses as number).toLocaleString('en')}/${name}`,
  );
  return windows.length === 0 ? 'no limit' : windows.join(', ');
}

test('docs/guides/rate-limits.md has every policy with its numbers, and no other', () => {
  const rows = readFileSync(GUIDE, 'utf8')
    .split('\n')
    .filter((line) => /^\| `[a-z_.]+` +\| (ip|identity|tenant|tenant_user|email|ip_email|user) /.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  expect(rows).toEqual(
    DEFAULT_POLICIES.map(({ name, subject, allowances, onFailure, description }) => [
      `\`${name}\``,
      subject,
      ...TIERS.map((tier) => textOf(allowances[tier])),
      onFailure,
      description,
    ]),
  );
});
