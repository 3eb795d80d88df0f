import { execFile, type ExecFileException } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, makeAgent, makeProject, makeSession, upload, V1 } from './support/api.ts';
import { get, post } from './support/http.ts';
import { target } from './support/target.ts';

interface Sample {
  lang: string;
  source: string;
}

interface Operation {
  operationId: string;
  description: string;
  tags: string[];
  security: unknown[];
  requestBody?: { content: Record<string, { example?: unknown }> };
  responses: Record<string, { content?: Record<string, { example?: unknown; examples?: unknown }> }>;
  'x-codeSamples': Sample[];
}

interface Document {
  info: { description: string };
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, { properties?: { code?: { description?: string; enum: string[] } } }>;
    securitySchemes: Record<string, unknown>;
    examples: Record<string, { value: { code: string; statusCode: number } }>;
  };
}

const HERE = import.meta.dirname;
const ROOT = resolve(HERE, '../..');
const require = createRequire(import.meta.url);
/** Whether a program is installed. */
const has = (name: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((place) => existsSync(join(place, name)));

const LANGUAGES = ['Shell', 'TypeScript', 'Python'];

let document: Document;
let folder: string;
let operations: Operation[];

beforeAll(async () => {
  document = (await get('/api/openapi.json', { token: null })).json as Document;
  operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  // Within the repository, so that what is compiled there finds the SDK and the types of Node.
  mkdirSync(join(ROOT, 'test-results'), { recursive: true });
  folder = mkdtempSync(join(ROOT, 'test-results/openapi-'));
  writeFileSync(join(folder, 'openapi.json'), JSON.stringify(document));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number;
  output: string;
}

/** Runs a program to its end. */
function run(command: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const options = { cwd: folder, timeout: 100_000, env: { ...process.env, ...env } };
  return new Promise((done) => {
    execFile(command, args, options, (error: ExecFileException | null, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      done({ code, output: `${stdout}${stderr}${error !== null && code === -1 ? error.message : ''}` });
    });
  });
}

/** Runs the program of an installed package. */
function runTool(
  packageName: string,
  bin: string,
  args: string[],
  env?: Record<string, string>,
): Promise<Ended> {
  const root = dirname(require.resolve(`${packageName}/package.json`));
  return run(process.execPath, [join(root, bin), ...args], env);
}

const tsc = (...args: string[]): Promise<Ended> =>
  run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...args]);

describe('the document', { timeout: 120_000 }, () => {
  it('BF-1.1.g is clean by the recommended rules of redocly', async () => {
    const config = join(HERE, '../redocly.yaml');
    const env = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
    const { code, output } = await runTool(
      '@redocly/cli',
      'bin/cli.js',
      ['lint', 'openapi.json', '--config', config],
      env,
    );
    expect(output).toContain('is valid');
    expect(output).not.toMatch(/warning|error/i);
    expect(code).toBe(0);
  });

  it('BF-1.1.g is clean by the rules of spectral', async () => {
    const args = ['lint', 'openapi.json', '-r', join(HERE, '../spectral.yaml'), '--fail-severity=hint'];
    const ended = await runTool('@stoplight/spectral-cli', 'dist/index.js', args);
    expect(ended).toMatchObject({ code: 0, output: expect.stringContaining('No results') });
  });

  it('becomes TypeScript that compiles under strict', async () => {
    const made = await runTool('openapi-typescript', 'bin/cli.js', ['openapi.json', '-o', 'api.ts']);
    expect(made).toMatchObject({ code: 0 });
    const use = [
      "import type { paths } from './api.ts';",
      "type Made = paths['/api/v1/projects']['post']['responses'][201]['content']['application/json'];",
      'export const nameOf = (made: Made): string => made.data.name;',
      '// @ts-expect-error -- there is no such field',
      'export const wrong = (made: Made): string => made.data.nothing;',
    ];
    writeFileSync(join(folder, 'use.ts'), use.join('\n'));
    const flags = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      'false',
      '--allowImportingTsExtensions',
    ];
    expect(await tsc(...flags, '--module', 'nodenext', '--types', '', 'use.ts')).toEqual({
      code: 0,
      output: '',
    });
  });

  it('describes every operation: what it does, who may call it, its group', () => {
    const described = new Map(document.tags.map(({ name, description }) => [name, description]));
    for (const { operationId, description, tags } of operations) {
      expect([operationId, description]).toEqual([operationId, expect.stringMatching(/\bneeds\b/i)]);
      for (const tag of tags) expect([tag, described.get(tag)]).toEqual([tag, expect.any(String)]);
    }
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  });

  it('BF-1.3.c names the credentials that every operation takes', () => {
    const schemes = Object.keys(document.components.securitySchemes);
    expect(schemes).toEqual(expect.arrayContaining(['bearer', 'apiKey']));
    for (const { operationId, security } of operations) {
      expect([operationId, Array.isArray(security)]).toEqual([operationId, true]);
      for (const way of security as object[])
        expect(schemes).toEqual(expect.arrayContaining(Object.keys(way)));
    }
  });

  it('BF-1.3.e lists every error code with its status and meaning', () => {
    const { description = '', enum: codes } = document.components.schemas['Error']!.properties!.code!;
    for (const code of codes) expect(description).toMatch(new RegExp(`\`${code}\` \\(\\d{3}\\): .{5,}`));
    for (const { value } of Object.values(document.components.examples)) expect(codes).toContain(value.code);
  });

  it('has an example of every body, answer and error', () => {
    for (const { operationId, requestBody, responses } of operations) {
      for (const media of Object.values(requestBody?.content ?? {}))
        expect([operationId, media]).toEqual([
          operationId,
          expect.objectContaining({ example: expect.anything() }),
        ]);
      for (const [status, { content = {} }] of Object.entries(responses)) {
        const key = Number(status) < 400 ? 'example' : 'examples';
        for (const media of Object.values(content))
          expect([operationId, status, Object.keys(media)]).toEqual([
            operationId,
            status,
            expect.arrayContaining([key]),
          ]);
      }
    }
  });
});

const sampleOf = (operationId: string, lang: string): string => {
  const operation = operations.find((one) => one.operationId === operationId);
  return operation!['x-codeSamples'].find((sample) => sample.lang === lang)!.source;
};

describe('code samples', { timeout: 120_000 }, () => {
  it('BF-1.3.g there is one of each language for every operation', () => {
    for (const operation of operations) {
      const languages = operation['x-codeSamples'].map(({ lang }) => lang);
      expect([operation.operationId, languages]).toEqual([operation.operationId, LANGUAGES]);
    }
  });

  it('those in TypeScript compile under strict', async () => {
    const files = operations.map(({ operationId }) => {
      const file = `${operationId}.ts`;
      writeFileSync(join(folder, file), `${sampleOf(operationId, 'TypeScript')}\n`);
      return file;
    });
    const compilerOptions = {
      noEmit: true,
      strict: true,
      noUncheckedIndexedAccess: true,
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable', 'dom'],
      types: ['node'],
      skipLibCheck: true,
      allowImportingTsExtensions: true,
    };
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    expect(await tsc('-p', '.')).toEqual({ code: 0, output: '' });
  });

  it('many of those in TypeScript use the SDK', () => {
    const using = operations.filter(({ operationId }) =>
      sampleOf(operationId, 'TypeScript').includes('@holdfast/sdk'),
    );
    expect(using.length).toBeGreaterThan(30);
  });

  describe('run against the server', () => {
    const env: Record<string, string> = { HOLDFAST_URL: target.url, HOLDFAST_API_KEY: target.apiKey };

    beforeAll(async () => {
      const project = await makeProject('Samples');
      const agent = await makeAgent(project);
      const session = await makeSession(project, { agent_id: agent.id });
      const runMade = await ask(session, 'hello');
      const document_ = (await upload(project, 'a.md', '# A\n')).json as { data: { id: string } };
      const key = (await post(`${V1}/api-keys`, { name: 'Sample', scopes: ['read'] })).json as {
        data: { id: string };
      };
      Object.assign(env, {
        PROJECT_ID: project.id,
        AGENT_ID: agent.id,
        SESSION_ID: session.id,
        RUN_ID: runMade.id,
        DOCUMENT_ID: document_.data.id,
        KEY_ID: key.data.id,
      });
    });

    const CALLS = [
      'createProject',
      'listProjects',
      'updateProject',
      'createAgent',
      'updateAgentV2',
      'listAgentsV2',
      'putDocument',
      'searchDocuments',
      'createSession',
      'postMessage',
      'getRun',
      'readEvents',
      'setFeatureFlag',
      'getConfig',
      'revokeApiKey',
      'getHealth',
    ];

    it.skipIf(!has('curl')).each(CALLS)('%s in curl', async (operationId) => {
      writeFileSync(
        join(folder, 'sample.sh'),
        sampleOf(operationId, 'Shell').replace('curl -sS', 'curl -sS --fail'),
      );
      const ended = await run('bash', ['-eu', 'sample.sh'], env);
      expect([operationId, ended]).toEqual([
        operationId,
        { code: 0, output: expect.stringMatching(/^\{.*\}$/s) },
      ]);
      if (operationId === 'getHealth') return;
      const answer = JSON.parse(ended.output) as { success?: boolean; data: unknown };
      expect(answer.data).toBeDefined();
    });

    it
      .skipIf(!has('python3'))
      .each(['createProject', 'searchDocuments', 'updateAgentV2', 'putDocument', 'deleteDocument'])(
      '%s in Python',
      async (operationId) => {
        writeFileSync(join(folder, 'sample.py'), sampleOf(operationId, 'Python'));
        const ended = await run('python3', ['sample.py'], env);
        expect([operationId, ended]).toEqual([
          operationId,
          { code: 0, output: expect.stringMatching(/^(\{|204)/) },
        ]);
      },
    );

    it.each(['createProject', 'getProject', 'createAgentV2', 'readEvents'])(
      '%s in TypeScript',
      async (operationId) => {
        writeFileSync(join(folder, 'sample.ts'), sampleOf(operationId, 'TypeScript'));
        const ended = await run(process.execPath, ['sample.ts'], env);
        expect([operationId, ended]).toEqual([operationId, { code: 0, output: expect.stringMatching(/\{/) }]);
      },
    );
  });
});
