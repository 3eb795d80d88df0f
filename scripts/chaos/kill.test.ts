import { expect, test } from 'vitest';
import { runKillTest } from './kill-test.ts';

// Nothing is printed unless it fails: then the summary is the message.
const fail = (lines: readonly string[]): string => `\n${lines.join('\n')}`;

test(
  'six kills of a server with an embedded database lose, double and tear nothing',
  { timeout: 120_000 },
  async () => {
    const { violations, lines, events, acknowledged } = await runKillTest({
      rounds: 6,
      engine: 'pglite',
      seed: 1,
    });
    expect(violations, fail(lines)).toEqual([]);
    expect(acknowledged).toBeGreaterThan(50);
    expect(events.get('run.resumed')).toBeGreaterThan(0);
  },
);

test.skipIf(!process.env['TEST_DATABASE_URL'])(
  'nor do six kills of a server, or of the backends of its PostgreSQL',
  { timeout: 120_000 },
  async () => {
    const { violations, lines, events, acknowledged } = await runKillTest({
      rounds: 6,
      engine: 'postgres',
      seed: 1,
    });
    expect(violations, fail(lines)).toEqual([]);
    expect(acknowledged).toBeGreaterThan(50);
    expect(events.get('run.resumed')).toBeGreaterThan(0);
  },
);
