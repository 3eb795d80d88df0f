import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { z } from 'zod';
import { listFiles, readSource, reportProblems } from './source-tree.ts';
import type { Problem } from './source-tree.ts';

const FENCE = /^(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1/gm;
const LINK = /\[[^\]]*\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g;
const CODE = /`([^`\n]+)`/g;
const REPOSITORY_PATH = /^(?:packages|apps|conformance|examples|scripts|docs|bench|deploy|\.ci)\/[\w./-]+$/;
const NPM_SCRIPT = /\bnpm run ([\w:-]+)/g;
const packageSchema = z.object({ scripts: z.record(z.string(), z.string()).default({}) });

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[`*]|\[|\]\([^)]*\)/g, '')
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replaceAll(FENCE, '').matchAll(/^#{1,6}\s+(.+)$/gm);
  return new Set([...headings].map(([, heading = '']) => anchorOf(heading)));
}

function brokenLink(root: string, file: string, link: string): string | null {
  if (/^[a-z][a-z+.-]*:/i.test(link)) return null;
  const [path = '', anchor] = link.split('#', 2);
  const target = path === '' ? file : posix.normalize(posix.join(posix.dirname(file), path));
  if (!existsSync(join(root, target))) return `link to ${link}: no such file`;
  const checksAnchor = anchor !== undefined && target.endsWith('.md');
  if (checksAnchor && !anchorsOf(readSource(root, target)).has(anchor))
    return `link to ${link}: no such heading`;
  return null;
}

function npmScripts(root: string): Set<string> {
  const path = join(root, 'package.json');
  if (!existsSync(path)) return new Set();
  return new Set(Object.keys(packageSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).scripts));
}

/** Relative links, anchors, repository paths in `code`, and `npm run` names of every Markdown file. */
export function checkDocs(root: string): Problem[] {
  const scripts = npmScripts(root);
  return listFiles(root, ['md']).flatMap((file) => {
    const text = readSource(root, file);
    const prose = text.replaceAll(FENCE, '');
    const links = [...prose.replaceAll(CODE, '').matchAll(LINK)].map(([, link = '']) =>
      brokenLink(root, file, link),
    );
    const paths = [...prose.matchAll(CODE)]
      .map(([, code = '']) => code)
      .filter((code) => REPOSITORY_PATH.test(code) && !existsSync(join(root, code)))
      .map((code) => `\`${code}\`: no such file`);
    const commands = [...text.matchAll(NPM_SCRIPT)]
      .filter(([, name = '']) => !scripts.has(name))
      .map(([command]) => `\`${command}\`: no such script in package.json`);
    return [...links, ...paths, ...commands]
      .filter((detail) => detail !== null)
      .map((detail) => ({ rule: 'doc-reference', file, detail }));
  });
}

if (import.meta.main) reportProblems('docs', checkDocs(process.cwd()));
