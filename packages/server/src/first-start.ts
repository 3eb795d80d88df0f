import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FirstCredentials } from './core/identity/index.ts';

/** What the terminal client of this machine needs to find the server. */
interface LocalCredentials {
  url: string;
  api_key: string;
  email: string;
  project_id: string;
}

/**
 * Keeps the first key where the terminal client on this machine finds it; for development only.
 * Later starts only refresh the URL, as the port may have changed.
 */
export function keepLocalCredentials(dataDir: string, url: string, first: FirstCredentials | null): void {
  const path = join(dataDir, 'credentials');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  if (first !== null) {
    write(path, { url, api_key: first.apiKey, email: first.email, project_id: first.projectId });
  } else if (existsSync(path)) {
    write(path, { ...(JSON.parse(readFileSync(path, 'utf8')) as LocalCredentials), url });
  }
}

/** Lines that tell the owner of a new installation how to get in. */
export function firstStartLines(first: FirstCredentials): string[] {
  return [
    '',
    'This is the first start. The following is shown once; keep it:',
    `  login     ${first.email}`,
    `  password  ${first.password ?? '(the one in ADMIN_PASSWORD)'}`,
    `  API key   ${first.apiKey}`,
    `  project   ${first.projectId}`,
  ];
}

function write(path: string, credentials: LocalCredentials): void {
  writeFileSync(path, `${JSON.stringify(credentials)}\n`, { mode: 0o600 });
}
