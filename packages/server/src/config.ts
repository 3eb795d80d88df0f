import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { describeVariable, VARIABLES, type VariableName, type Variables } from './config-schema.ts';
import { toApiConfig } from './config-api.ts';
import { checkAuditVariables, toAuditConfig } from './config-audit.ts';
import { toAccountConfig } from './config-account.ts';
import { checkCredentialVariables, toCredentialConfig } from './config-credential.ts';
import { checkLimitVariables, toLimitConfig } from './config-limit.ts';
import { checkLoginVariables, toLoginConfig } from './config-login.ts';
import { checkMailVariables, toMailConfig } from './config-mail.ts';
import { checkSecretVariables, toSecretConfig } from './config-secret.ts';

export type { McpServers } from './config-field.ts';

export interface ConfigProblem {
  variable: string;
  /** Where the refused value came from. */
  source: 'environment' | '.env file' | 'not set';
  /** What it must be; never the value itself. */
  rule: string;
}

/** The configuration cannot be used; the message lists every problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ variable, source, rule }) => `  ${variable} (${source}) ${rule}`);
    super(`The configuration has ${problems.length} problem(s):\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the whole server is configured by. Times are in milliseconds, `dataDir` is absolute. */
export type Config = ReturnType<typeof toConfig>;

/**
 * Reads the environment and the optional `.env` file of `cwd`; the environment wins, empty values count as unset.
 * @param cwd null reads no file.
 * @throws ConfigError with every problem at once.
 */
export function loadConfig(env: Environment = process.env, cwd: string | null = process.cwd()): Config {
  const file = cwd === null ? {} : readEnvFile(join(cwd, '.env'));
  const source = (name: string): ConfigProblem['source'] =>
    isSet(env[name]) ? 'environment' : isSet(file[name]) ? '.env file' : 'not set';
  const read = (name: string) => (isSet(env[name]) ? env[name] : isSet(file[name]) ? file[name] : undefined);

  const problems: ConfigProblem[] = [];
  const refuse = (variable: string, rule: string) =>
    problems.push({ variable, source: source(variable), rule });
  const values: Partial<Record<VariableName, unknown>> = {};
  for (const name of Object.keys(VARIABLES) as VariableName[]) {
    const parsed = VARIABLES[name].safeParse(read(name));
    if (parsed.success) values[name] = parsed.data;
    else refuse(name, `must be ${describeVariable(name).rule}${where(parsed.error.issues[0]?.path)}.`);
  }
  if (isSet(read('MONGODB_URI'))) {
    refuse(
      'MONGODB_URI',
      'is not supported: Holdfast keeps its data in PostgreSQL; set DATABASE_URL instead.',
    );
  }
  // The fleet contract wants a server that was given no key to say so, where others take it as unset.
  if ((env['API_KEYS'] ?? file['API_KEYS']) === '') {
    refuse('API_KEYS', 'must not be empty: name a key, or leave the variable out.');
  }
  checkTogether(values as Partial<Variables>, source, refuse);
  if (problems.length > 0) throw new ConfigError(problems);
  return toConfig(values as Variables, cwd ?? '.');
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

function where(path: readonly PropertyKey[] | undefined): string {
  return path === undefined || path.length === 0 ? '' : ` (wrong at ${path.map(String).join('.')})`;
}

function readEnvFile(path: string): Environment {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing) return {};
    throw new ConfigError([{ variable: '.env', source: '.env file', rule: 'exists but cannot be read.' }]);
  }
}

/** Rules over several variables. A variable that is itself wrong is left out of `values`. */
function checkTogether(
  values: Partial<Variables>,
  source: (name: string) => ConfigProblem['source'],
  refuse: (variable: string, rule: string) => void,
): void {
  const needs = (name: VariableName, rule: string) => {
    if (source(name) === 'not set') refuse(name, rule);
  };
  if (values.NODE_ENV === 'production') needs('JWT_SECRET', 'is required when NODE_ENV is production.');
  checkLoginVariables(values, values.NODE_ENV === 'production', refuse);
  checkCredentialVariables(values, values.NODE_ENV === 'production', refuse);
  checkAuditVariables(values, refuse);
  checkLimitVariables(values, needs);
  checkMailVariables(values, values.NODE_ENV === 'production', needs);
  checkSecretVariables(values, values.NODE_ENV === 'production', refuse);
  const providers = new Set((values.MODEL_DEFAULT ?? []).map((id) => id.split('/')[0]));
  if (providers.has('openai')) needs('OPENAI_API_KEY', 'is required by the openai/ model in MODEL_DEFAULT.');
  if (providers.has('anthropic'))
    needs('ANTHROPIC_API_KEY', 'is required by the anthropic/ model in MODEL_DEFAULT.');
  if (providers.has('compatible')) {
    needs('COMPATIBLE_BASE_URL', 'is required by the compatible/ model in MODEL_DEFAULT.');
  }
}

function toConfig(v: Variables, cwd: string) {
  return {
    mode: v.NODE_ENV,
    dataDir: resolve(cwd, v.DATA_DIR),
    http: {
      host: v.HOST,
      port: v.PORT,
      publicUrl: v.PUBLIC_URL,
      bodyLimitBytes: v.BODY_LIMIT_BYTES,
      uploadLimitBytes: v.UPLOAD_LIMIT_BYTES,
      shutdownTimeoutMs: v.SHUTDOWN_TIMEOUT_MS,
      sseKeepaliveMs: v.SSE_KEEPALIVE_MS,
      dashboard: v.DASHBOARD,
    },
    log: { level: v.LOG_LEVEL },
    database: {
      url: v.DATABASE_URL,
      poolMax: v.DATABASE_POOL_MAX,
      queryTimeoutMs: v.DATABASE_QUERY_TIMEOUT_MS,
    },
    redis: { url: v.REDIS_URL },
    follow: { pollIntervalMs: v.FOLLOW_POLL_INTERVAL_MS },
    identity: {
      ...toLoginConfig(v),
      adminEmail: v.ADMIN_EMAIL,
      adminPassword: v.ADMIN_PASSWORD,
    },
    lease: { ttlMs: v.LEASE_TTL_MS, scanIntervalMs: v.LEASE_SCAN_INTERVAL_MS },
    run: { concurrency: v.RUN_CONCURRENCY },
    model: {
      default: v.MODEL_DEFAULT,
      timeoutMs: v.MODEL_TIMEOUT_MS,
      offlineTokenDelayMs: v.OFFLINE_TOKEN_DELAY_MS,
      openai: { apiKey: v.OPENAI_API_KEY, baseUrl: v.OPENAI_BASE_URL },
      anthropic: { apiKey: v.ANTHROPIC_API_KEY, baseUrl: v.ANTHROPIC_BASE_URL },
      compatible: { apiKey: v.COMPATIBLE_API_KEY, baseUrl: v.COMPATIBLE_BASE_URL },
    },
    tool: { mcpServers: v.MCP_SERVERS, fetchAllowPrivate: v.FETCH_ALLOW_PRIVATE },
    credential: toCredentialConfig(v),
    secret: toSecretConfig(v),
    limit: toLimitConfig(v),
    api: toApiConfig(v),
    mail: toMailConfig(v),
    account: toAccountConfig(v),
    audit: toAuditConfig(v, resolve(cwd, v.DATA_DIR), cwd),
  };
}
