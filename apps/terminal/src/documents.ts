import { MAX_DOCUMENT_BYTES, type DocumentMediaType } from '@holdfast/protocol';
import { HoldfastError, type Client } from '@holdfast/sdk';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { UsageError } from './options.ts';

const MEDIA_TYPES: Readonly<Record<string, DocumentMediaType>> = {
  '.md': 'text/markdown',
  '.markdown': 'text/markdown',
  '.txt': 'text/plain',
  '.text': 'text/plain',
};

export interface FoundFile {
  /** Path below the folder, with `/`: the name of the document. */
  name: string;
  path: string;
  /** null: not a text that can be searched. */
  mediaType: DocumentMediaType | null;
}

/** The files below a folder in order of their names, without hidden ones and node_modules. */
export async function findFiles(folder: string, prefix = ''): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const path = join(folder, entry.name);
    const name = prefix + entry.name;
    if (entry.isDirectory()) found.push(...(await findFiles(path, `${name}/`)));
    else if (entry.isFile())
      found.push({ name, path, mediaType: MEDIA_TYPES[extname(name).toLowerCase()] ?? null });
  }
  return found;
}

/**
 * Uploads the text and Markdown files of a folder; the same file again replaces itself.
 * @param say told of each file that is not uploaded, and of the sum
 * @throws UsageError when it is no folder; HoldfastError
 */
export async function uploadFolder(
  client: Client,
  projectId: string,
  folder: string,
  say: (line: string) => void,
): Promise<void> {
  const files = await findFiles(folder).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--docs ${folder} cannot be read: ${error.code ?? error.message}`);
  });
  const uploaded: string[] = [];
  const others: string[] = [];
  for (const file of files) {
    if (file.mediaType === null) {
      others.push(file.name);
      continue;
    }
    const problem = await uploadFile(client, projectId, file, file.mediaType);
    if (problem === null) uploaded.push(file.name);
    else say(`not uploaded: ${file.name}: ${problem}`);
  }
  say(`uploaded ${uploaded.length} of ${files.length} files: ${list(uploaded)}`);
  if (others.length > 0) say(`skipped, as neither text nor Markdown: ${list(others)}`);
}

async function uploadFile(
  client: Client,
  projectId: string,
  { name, path }: FoundFile,
  mediaType: DocumentMediaType,
): Promise<string | null> {
  const { size } = await stat(path);
  if (size === 0) return 'empty';
  if (size > MAX_DOCUMENT_BYTES) return `larger than ${MAX_DOCUMENT_BYTES} bytes`;
  const content = new Uint8Array(await readFile(path));
  try {
    await client.documents.upload(projectId, { name, content, mediaType });
    return null;
  } catch (error) {
    if (error instanceof HoldfastError && [400, 413, 422].includes(error.status)) return error.message;
    throw error;
  }
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown || 'none';
}
