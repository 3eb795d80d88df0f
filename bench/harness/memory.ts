import { spawnSync } from 'node:child_process';

/** Resident memory of a process that cannot be asked, in bytes. */
export function residentBytes(pid: number): number {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' });
  return Number(stdout.trim() || Number.NaN) * 1024;
}
