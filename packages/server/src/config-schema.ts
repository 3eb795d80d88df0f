import { z } from 'zod';
import { API_VARIABLES } from './config-api.ts';
import { AUDIT_VARIABLES } from './config-audit.ts';
import { ACCOUNT_VARIABLES } from './config-account.ts';
import { CREDENTIAL_VARIABLES } from './config-credential.ts';
import { LIMIT_VARIABLES } from './config-limit.ts';
import { LOGIN_VARIABLES } from './config-login.ts';
import { MAIL_VARIABLES } from './config-mail.ts';
import { SECRET_VARIABLES } from './config-secret.ts';
import {
  choice,
  flag,
  integer,
  mcpServers,
  MODEL_ID,
  text,
  url,
  type Doc,
  type VariableMeta,
} from './config-field.ts';

const models = (list: string) => list.split(',').map((id) => id.trim());

const server = (description: string): Doc => ({ group: 'Server', description });
const storage = (description: string): Doc => ({ group: 'Storage', description });
const identity = (description: string): Doc => ({ group: 'Identity', description });
const running = (description: string): Doc => ({ group: 'Leases and runs', description });
const model = (description: string): Doc => ({ group: 'Models', description });
const tool = (description: string): Doc => ({ group: 'Tools', description });

/** Every variable the server reads. The order is that of `.env.example`. */
export const VARIABLES = {
  NODE_ENV: choice(
    ['development', 'test', 'production'],
    'development',
    server('In production secrets must be set.'),
  ),
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,253}$/)
    .default('127.0.0.1')
    .meta({ ...server('Address to listen on.'), rule: 'an IP address or host name', default: '127.0.0.1' }),
  PORT: integer(0, 65_535, 7300, server('Port to listen on; 0 takes any free one.')),
  PUBLIC_URL: url(
    ['http', 'https'],
    server('Address under which clients reach this server, when it is behind a proxy.'),
  ),
  BODY_LIMIT_BYTES: integer(1024, 104_857_600, 1_048_576, server('Largest request body.')),
  UPLOAD_LIMIT_BYTES: integer(1024, 1_073_741_824, 5_242_880, server('Largest uploaded file.')),
  SHUTDOWN_TIMEOUT_MS: integer(
    0,
    600_000,
    10_000,
    server('How long open requests may finish after SIGTERM.'),
  ),
  SSE_KEEPALIVE_MS: integer(
    100,
    600_000,
    15_000,
    server('Pause after which an idle stream gets a keep-alive.'),
  ),
  DASHBOARD: flag(true, server('Serves the dashboard at /, and builds it at the first start.')),
  LOG_LEVEL: choice(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
    server('Least severe level that is logged, as JSON lines on stdout.'),
  ),

  DATA_DIR: z
    .string()
    .refine((value) => !value.includes('\0'))
    .default('.holdfast')
    .meta({
      ...storage('Folder of the embedded database and the generated secret.'),
      rule: 'a path',
      default: '.holdfast',
    }),
  DATABASE_URL: url(
    ['postgres', 'postgresql'],
    storage('PostgreSQL 15 or newer. Without it PGlite is embedded.'),
  ),
  DATABASE_POOL_MAX: integer(1, 1000, 10, storage('Connections to PostgreSQL.')),
  DATABASE_QUERY_TIMEOUT_MS: integer(100, 600_000, 10_000, storage('Longest time one query may take.')),
  REDIS_URL: url(
    ['redis', 'rediss'],
    storage('Speeds up hints between several servers. Without it they poll.'),
  ),
  FOLLOW_POLL_INTERVAL_MS: integer(
    50,
    600_000,
    5000,
    storage('How often a follower checks the log for a missed hint.'),
  ),

  ...LOGIN_VARIABLES,
  ...ACCOUNT_VARIABLES,
  ADMIN_EMAIL: z
    .email()
    .max(254)
    .default('owner@holdfast.local')
    .meta({
      ...identity('Login of the owner that the first start creates.'),
      rule: 'an e-mail address',
      default: 'owner@holdfast.local',
    }),
  ADMIN_PASSWORD: text(
    8,
    1024,
    identity('Password of that owner. Without it one is generated and printed once.'),
  ),

  ...CREDENTIAL_VARIABLES,

  ...SECRET_VARIABLES,

  ...AUDIT_VARIABLES,

  ...LIMIT_VARIABLES,

  ...API_VARIABLES,

  ...MAIL_VARIABLES,

  LEASE_TTL_MS: integer(1000, 3_600_000, 15_000, running('Silence after which a holder counts as dead.')),
  LEASE_SCAN_INTERVAL_MS: integer(50, 3_600_000, 5000, running('How often dead holders are looked for.')),
  RUN_CONCURRENCY: integer(
    0,
    10_000,
    32,
    running('Runs this server executes at once; 0 leaves them to others.'),
  ),

  MODEL_DEFAULT: z
    .string()
    .transform(models)
    .pipe(z.array(z.string().regex(MODEL_ID)).min(1).max(10))
    .default(['offline'])
    .meta({
      ...model('Models for agents that name none, tried from left to right.'),
      rule: 'a comma-separated list of offline, openai/<id>, anthropic/<id> or compatible/<id>',
      default: 'offline',
    }),
  MODEL_TIMEOUT_MS: integer(100, 3_600_000, 120_000, model('Longest time one model call may take.')),
  OFFLINE_TOKEN_DELAY_MS: integer(0, 10_000, 15, model('Pause between the tokens of the offline model.')),
  OPENAI_API_KEY: text(1, 1024, model('Key for models named openai/<id>.')),
  OPENAI_BASE_URL: url(['http', 'https'], model('Other address of the OpenAI API.')),
  ANTHROPIC_API_KEY: text(1, 1024, model('Key for models named anthropic/<id>.')),
  ANTHROPIC_BASE_URL: url(['http', 'https'], model('Other address of the Anthropic API.')),
  COMPATIBLE_BASE_URL: url(
    ['http', 'https'],
    model('OpenAI-compatible server for models named compatible/<id>.'),
  ),
  COMPATIBLE_API_KEY: text(1, 1024, model('Key for it, when it asks for one.')),

  MCP_SERVERS: mcpServers.meta({
    ...tool('Servers of further tools, by name.'),
    rule: 'a JSON object of name to {"url", "headers"?} or {"command", "args"?, "env"?}',
    default: '{}',
  }),
  FETCH_ALLOW_PRIVATE: flag(false, tool('Lets fetch_url reach private and loopback addresses.')),
} as const;

export type VariableName = keyof typeof VARIABLES;
export type Variables = { [N in VariableName]: z.output<(typeof VARIABLES)[N]> };

/** The documentation of one variable. */
export function describeVariable(name: VariableName): VariableMeta {
  return VARIABLES[name].meta() as unknown as VariableMeta;
}
