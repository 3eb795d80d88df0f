import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createFolder } from './database.ts';
import type { Sample } from './stats.ts';

export interface PgbenchRun {
  pgbench: string;
  databaseUrl: string;
  script: string;
  clients: number;
  seconds: number;
}

/** Prepared statements, two threads; whole seconds only. */
export async function runPgbench({
  pgbench,
  databaseUrl,
  script,
  clients,
  seconds,
}: PgbenchRun): Promise<Sample> {
  const folder = await createFolder();
  const file = join(folder.path, 'append.sql');
  await writeFile(file, script);
  const args = ['-n', '-M', 'prepared', '-c', `${clients}`, '-j', `${Math.min(2, clients)}`];
  const time = Math.max(1, Math.round(seconds));
  try {
    const { stdout } = await promisify(execFile)(pgbench, [
      ...args,
      '-T',
      `${time}`,
      '-f',
      file,
      databaseUrl,
    ]);
    const rate = /tps = ([\d.]+) \(without|tps = ([\d.]+)/.exec(stdout);
    return { value: Number(rate?.[1] ?? rate?.[2]) };
  } finally {
    await folder.remove();
  }
}
