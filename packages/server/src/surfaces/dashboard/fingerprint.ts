import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the page is made of, below the repository. */
const SOURCES = [
  'apps/dashboard/index.html',
  'apps/dashboard/package.json',
  'apps/dashboard/vite.config.ts',
  'apps/dashboard/public',
  'apps/dashboard/src',
  'packages/protocol/src',
  'packages/sdk/src',
];
/** npm writes it when it has installed: other versions of libraries make another page. */
const INSTALLED = 'node_modules/.package-lock.json';

/** A hash of everything the page is built from; null when its sources are not there. */
export async function fingerprintSources(repository: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for (const source of SOURCES) {
      for (const file of await filesUnder(join(repository, source))) hash.update(await readFile(file));
    }
  } catch {
    return null;
  }
  hash.update(await readFile(join(repository, INSTALLED)).catch(() => ''));
  return hash.digest('hex');
}

/** The file itself, or what a folder holds, tests left out; sorted. */
async function filesUnder(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOTDIR') return null;
      throw error;
    },
  );
  if (entries === null) return [path];
  return entries
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
