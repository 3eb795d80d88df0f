/** Node takes the first of several; something before this server may have taken the last. */
const SINGLE: ReadonlySet<string> = new Set(['content-type', 'host']);

/** @returns the name of a header that may be there once only and is there more often */
export function findRepeatedHeader(rawHeaders: readonly string[]): string | null {
  let seen = '';
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!SINGLE.has(name)) continue;
    if (seen.includes(`${name};`)) return name;
    seen += `${name};`;
  }
  return null;
}
