import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { checkCycles } from './check-cycles.ts';
import { checkDocs } from './check-docs.ts';
import { checkEnvironment } from './check-environment.ts';
import { checkImports, RULES } from './check-imports.ts';
import { checkSecrets } from './check-secrets.ts';
import { checkSizes } from './check-sizes.ts';
import { checkSuppressions } from './check-suppressions.ts';
import { checkErrorsDoc } from './errors-doc.ts';
import type { Problem } from './source-tree.ts';

interface Outcome {
  name: string;
  ms: number;
  /** Empty when the check passed. */
  problems: string;
}

const ENV_EXAMPLE = 'scripts/env-example.ts';
const TIMEOUT_MS = 120_000;

/** Runs one Node program; its output is the problem text if it ends with another code than 0. */
function runTool(name: string, ...args: string[]): Promise<Outcome> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => {
    const finish = (problems: string): void => resolve({ name, ms: performance.now() - started, problems });
    child.on('error', (error) => finish(error.message));
    child.on('close', (code) =>
      finish(code === 0 ? '' : output.trim() || `ended with ${code ?? 'a signal'}`),
    );
  });
}

function runCheck(name: string, check: () => Problem[]): Outcome {
  const started = performance.now();
  let problems: string;
  try {
    problems = check()
      .map(({ rule, file, detail }) => `${rule}: ${file}: ${detail}`)
      .join('\n');
  } catch (error) {
    problems = String(error);
  }
  return { name, ms: performance.now() - started, problems };
}

/** One outcome for each named rule. */
function runImportRules(root: string): Outcome[] {
  const found: Problem[] = [];
  const whole = runCheck('imports', () => {
    found.push(...checkImports(root));
    return [];
  });
  if (whole.problems) return [whole];
  return RULES.map(({ name }) => ({
    ...runCheck(`imports: ${name}`, () => found.filter((problem) => problem.rule === name)),
    ms: whole.ms / RULES.length,
  }));
}

function runOwnChecks(root: string): Outcome[] {
  return [
    ...runImportRules(root),
    runCheck('cycles', () => checkCycles(root)),
    runCheck('environment', () => checkEnvironment(root)),
    runCheck('secrets', () => checkSecrets(root)),
    runCheck('sizes', () => checkSizes(root)),
    runCheck('suppressions', () => checkSuppressions(root)),
    runCheck('docs', () => checkDocs(root)),
    runCheck('errors-doc', () => checkErrorsDoc(root)),
  ];
}

async function main(): Promise<void> {
  const prettier = ['--check', '--cache', '--log-level', 'warn'];
  const tools = [
    runTool('format', 'node_modules/prettier/bin/prettier.cjs', ...prettier, '.'),
    runTool('lint', 'node_modules/oxlint/bin/oxlint', '--type-aware', '--report-unused-disable-directives'),
    runTool('types', 'node_modules/typescript/bin/tsc', '-p', '.', '--noEmit'),
    runTool('types: dashboard', 'node_modules/typescript/bin/tsc', '-p', 'apps/dashboard', '--noEmit'),
  ];
  if (existsSync(ENV_EXAMPLE)) tools.push(runTool('env-example', ENV_EXAMPLE, '--check'));
  const outcomes = [...runOwnChecks(process.cwd()), ...(await Promise.all(tools))];
  for (const { name, ms, problems } of outcomes.filter((outcome) => !outcome.problems))
    console.log(`ok ${name} (${Math.round(ms)} ms)${problems}`);
  const failed = outcomes.filter((outcome) => outcome.problems);
  for (const { name, problems } of failed) console.log(`\nfailed ${name}\n${problems}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}

await main();
