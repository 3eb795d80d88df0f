import { API_VERSIONS } from '@holdfast/protocol';

const VERSIONED = /^\/api\/(v\d+)(?=\/|$)/;

/** The version a path asks for, known or not; null for paths without one. */
export function versionOfPath(path: string): string | null {
  return VERSIONED.exec(path)?.[1] ?? null;
}

/** What to tell somebody who asked for something that is not there. */
export function suggestVersion(path: string): string | undefined {
  const asked = versionOfPath(path);
  if (asked === null || (API_VERSIONS as readonly string[]).includes(asked)) return undefined;
  return `There is no version ${asked} of this API; it speaks ${API_VERSIONS.join(' and ')}, as in /api/v1.`;
}
