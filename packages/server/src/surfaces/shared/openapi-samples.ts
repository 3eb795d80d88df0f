import { acceptsOf } from './entrances.ts';
import { SDK_CALLS } from './openapi-sdk-calls.ts';
import type { RouteDoc } from './route-doc.ts';

export interface CodeSample {
  lang: string;
  label: string;
  source: string;
}

/** One call of an operation with everything it needs. */
export interface SampleCall {
  doc: RouteDoc;
  /** `/api/v1/projects/{project_id}` */
  path: string;
  /** Of what the query must have. */
  query: Readonly<Record<string, unknown>>;
  /** Undefined when there is none. */
  body: unknown;
  mediaType: string | undefined;
  hasReply: boolean;
}

/** A header of the credential, and the variable that its value is read from. */
interface Shown {
  header: string;
  prefix: string;
  variable: string;
}

type ToCode = (variable: string) => string;

/** Samples in curl, TypeScript and Python. They read the server, the credential and ids from the environment. */
export function samplesOf(call: SampleCall): CodeSample[] {
  const sdk = SDK_CALLS[call.doc.operationId];
  return [
    { lang: 'Shell', label: 'curl', source: toCurl(call) },
    { lang: 'TypeScript', label: 'TypeScript', source: sdk === undefined ? toFetch(call) : toSdk(call, sdk) },
    { lang: 'Python', label: 'Python', source: toPython(call) },
  ];
}

function credentialsOf(doc: RouteDoc): Shown[] {
  if (doc.auth === 'none') return [];
  const accepts = acceptsOf(doc);
  const show = (header: string, variable: string, prefix = ''): Shown => ({ header, prefix, variable });
  if (accepts.includes('api_key') || accepts.includes('fleet_key'))
    return [show('X-API-Key', 'HOLDFAST_API_KEY')];
  if (accepts.includes('user')) return [show('Authorization', 'HOLDFAST_TOKEN', 'Bearer ')];
  if (accepts.includes('guest'))
    return [show('X-Session-Id', 'HOLDFAST_GUEST_ID'), show('X-Session-Secret', 'HOLDFAST_GUEST_SECRET')];
  return [
    show('X-User-Id', 'HOLDFAST_USER'),
    show('X-Sheen-Timestamp', 'HOLDFAST_TIMESTAMP'),
    show('X-Sheen-Signature', 'HOLDFAST_SIGNATURE'),
  ];
}

/** Path and query; `project_id` is read from PROJECT_ID. */
function pathWith(call: SampleCall, toCode: ToCode): string {
  const path = call.path.replace(/\{(\w+)\}/g, (_all, name: string) =>
    name === 'step_index' ? '0' : toCode(name.toUpperCase()),
  );
  const query = new URLSearchParams(
    Object.entries(call.query).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
  return query === '' ? path : `${path}?${query}`;
}

const MARK = /"@@(\w+)@@"/g;

/** JSON text of a body, in which the ids of other resources are read from the environment. */
function jsonWith(body: unknown, toCode: ToCode): string {
  const text = JSON.stringify(
    body,
    (key, value: unknown) => {
      const isId = key.endsWith('_id') && typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value);
      return isId ? `@@${key.toUpperCase()}@@` : value;
    },
    2,
  );
  return text.replace(MARK, (_all, variable: string) => toCode(variable));
}

function toCurl(call: SampleCall): string {
  const { doc, body, mediaType } = call;
  const lines = [`curl -sS -X ${String(doc.method)} "$HOLDFAST_URL${pathWith(call, (name) => `$${name}`)}"`];
  for (const { header, prefix, variable } of credentialsOf(doc))
    lines.push(`-H "${header}: ${prefix}$${variable}"`);
  if (body === undefined) return lines.join(' \\\n  ');
  lines.push(`-H "Content-Type: ${mediaType}"`, '--data-binary @- <<BODY');
  // Within the body the shell replaces variables only.
  const plain = typeof body === 'string' ? body : jsonWith(body, (name) => `"@@${name}@@"`);
  const text = plain.replace(/[\\$`]/g, '\\$&').replace(MARK, '"$$$1"');
  return `${lines.join(' \\\n  ')}\n${text}\nBODY`;
}

/** In parts, as this is not code of the server that reads its environment. */
const TS_ENVIRONMENT = ['process', 'env'].join('.');
const tsEnv: ToCode = (name) => `${TS_ENVIRONMENT}.${name}!`;

function toSdk({ doc, body, query, hasReply }: SampleCall, template: string): string {
  const [shown] = credentialsOf(doc);
  const credential = shown === undefined ? '' : `, ${toOption(shown)}`;
  const expression = template.replace(/\$(\w+)/g, (_all, name: string) => {
    if (name === 'body') return jsonWith(body, tsEnv);
    if (name === 'query') return JSON.stringify(query);
    return name === 'step_index' ? '0' : tsEnv(name.toUpperCase());
  });
  return [
    "import { createClient } from '@holdfast/sdk';",
    '',
    `const client = createClient({ baseUrl: ${tsEnv('HOLDFAST_URL')}${credential} });`,
    hasReply ? `console.log(await client.${expression});` : `await client.${expression};`,
  ].join('\n');
}

/** The option of the client that the credential is given as. */
function toOption({ variable }: Shown): string {
  if (variable === 'HOLDFAST_TOKEN') return `token: ${tsEnv(variable)}`;
  if (variable === 'HOLDFAST_API_KEY') return `apiKey: ${tsEnv(variable)}`;
  return `guest: { id: ${tsEnv('HOLDFAST_GUEST_ID')}, secret: ${tsEnv('HOLDFAST_GUEST_SECRET')} }`;
}

function toFetch(call: SampleCall): string {
  const { doc, body, mediaType, hasReply } = call;
  const headers = credentialsOf(doc).map(
    ({ header, prefix, variable }) => `'${header}': \`${prefix}\${${tsEnv(variable)}}\``,
  );
  if (body !== undefined) headers.push(`'Content-Type': '${mediaType}'`);
  const url = `\${${tsEnv('HOLDFAST_URL')}}${pathWith(call, (name) => `\${${tsEnv(name)}}`)}`;
  return [
    `const response = await fetch(\`${url}\`, {`,
    `  method: '${String(doc.method)}',`,
    ...(headers.length === 0 ? [] : [`  headers: { ${headers.join(', ')} },`]),
    ...(body === undefined ? [] : [`  body: ${tsBody(body)},`]),
    '});',
    hasReply ? 'console.log(response.status, await response.json());' : 'console.log(response.status);',
    '',
    'export {};',
  ].join('\n');
}

function tsBody(body: unknown): string {
  if (typeof body === 'string') return JSON.stringify(body);
  return `JSON.stringify(${jsonWith(body, tsEnv).replaceAll('\n', '\n  ')})`;
}

const pyEnv: ToCode = (name) => `os.environ["${name}"]`;

function toPython(call: SampleCall): string {
  const { doc, body, mediaType, hasReply } = call;
  const headers = credentialsOf(doc).map(
    ({ header, prefix, variable }) =>
      `"${header}": ${prefix === '' ? '' : `"${prefix}" + `}${pyEnv(variable)}`,
  );
  if (body !== undefined) headers.push(`"Content-Type": "${mediaType}"`);
  const needsJson = hasReply || (body !== undefined && typeof body !== 'string');
  return [
    ...(needsJson ? ['import json'] : []),
    'import os',
    'import urllib.request',
    '',
    'request = urllib.request.Request(',
    `    f"{os.environ['HOLDFAST_URL']}${pathWith(call, (name) => `{os.environ['${name}']}`)}",`,
    `    method="${String(doc.method)}",`,
    `    headers={${headers.join(', ')}},`,
    ...(body === undefined ? [] : [`    data=${pythonBody(body)}.encode(),`]),
    ')',
    'with urllib.request.urlopen(request) as response:',
    hasReply ? '    print(json.load(response))' : '    print(response.status)',
  ].join('\n');
}

const PYTHON_WORDS: Readonly<Record<string, string>> = { true: 'True', false: 'False', null: 'None' };

function pythonBody(body: unknown): string {
  if (typeof body === 'string') return JSON.stringify(body);
  const json = jsonWith(body, pyEnv).replaceAll('\n', '\n    ');
  const value = json.replace(
    /"(?:[^"\\]|\\.)*"|\b(?:true|false|null)\b/g,
    (token) => PYTHON_WORDS[token] ?? token,
  );
  return `json.dumps(${value})`;
}
