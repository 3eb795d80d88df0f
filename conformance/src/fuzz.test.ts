import {
  apiKeySchema,
  documentSchema,
  ERROR_CODES,
  messageSchema,
  newApiKeySchema,
  runSchema,
  sessionSchema,
  type Agent,
  type ClientTool,
  type CreateSession,
  type Project,
  type Session,
} from '@holdfast/protocol';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import {
  ask,
  endingsOf,
  listAll,
  listMessages,
  makeAgent,
  makeProject,
  makeSession,
  readLog,
  say,
  sessionPath,
  upload,
  V1,
} from './support/api.ts';
import { register } from './support/account.ts';
import { SchemaArbitrary } from './support/arbitrary.ts';
import { dataOf } from './support/expect.ts';
import { requestFor, type FuzzRequest } from './support/fuzz-request.ts';
import { get, open, post, readAnswer, type Answer } from './support/http.ts';
import { readPublishedApi, type PublishedApi } from './support/openapi.ts';
import { target } from './support/target.ts';
import { Tenant } from './support/tenant.ts';

const ANSWER_MS = 10_000;
const AT_ONCE = 8;
const PICK: ClientTool = {
  name: 'pick',
  description: '',
  input_schema: { type: 'object' },
  executor: 'client',
  timeout_seconds: 300,
};
const KINDS: Partial<CreateSession>[] = [
  {},
  { executor: 'external' },
  { run_policy: 'interrupt' },
  { run_policy: 'reject' },
  { executor: 'external', run_policy: 'reject' },
];
/** Of a connection rather than of an operation: headers too large, or not understood. */
const TRANSPORT_STATUSES = [408, 417, 431];

let api: PublishedApi;
let probe: Session;
let project: Project;
let agent: Agent;
const pool: Record<string, string[]> = {};
const tokens: string[] = [];
let user: string | undefined;
const sessions: Session[] = [];
/** How often each status was answered, by operation. */
const seen = new Map<string, Map<number, number>>();

async function makeKey(scopes: string[]): Promise<{ id: string; secret: string }> {
  const key = dataOf(await post(`${V1}/api-keys`, { name: 'Fuzz', scopes }), newApiKeySchema, 201);
  return { id: key.id, secret: key.secret! };
}

beforeAll(async () => {
  api = await readPublishedApi();
  probe = await makeSession(await makeProject('Probe'));
  for (const content of ['one', 'two', 'three']) await say(probe, content);
  project = await makeProject('Fuzz');
  agent = await makeAgent(project, {
    tools: ['calculate', PICK],
  });
  const documents = await Promise.all(
    ['a.md', 'b.md'].map((name) => upload(project, name, `# ${name}\n\ntext\n`)),
  );
  for (const more of KINDS) sessions.push(await makeSession(project, { agent_id: agent.id, ...more }));
  const lease = await post(sessionPath(sessions[1]!.id, '/lease'), { holder: 'fuzz', ttl_ms: 86_400_000 });
  expect(lease.status).toBe(201);
  const run = await ask(sessions[0]!, '/pick {}');
  Object.assign(pool, {
    project_id: [project.id],
    agent_id: [agent.id],
    document_id: documents.map((answer) => dataOf(answer, documentSchema, 201).id),
    session_id: sessions.map(({ id }) => id),
    run_id: [run.id],
    key_id: [(await makeKey(['read'])).id],
    cursor: [],
  });
  const tenant = await Tenant.of(target.apiKey);
  for (const name of SEEDED) pool[name] = [await tenant.valueOf(name)];
  if (target.openToRegistration) user = (await register()).login.accessToken;
  tokens.push(
    (await makeKey(['read'])).secret,
    (await makeKey(['write'])).secret,
    (await makeKey(['hold'])).secret,
  );
});

const idsOf = (name: string): string[] => pool[name] ?? [];

/** What further paths name. No policy of limits: the suite would lock itself out. */
const SEEDED = ['secret_id', 'entry_id', 'override_id', 'team_id', 'version'];

const MADE_BY: Record<string, string> = {
  createAgent: 'agent_id',
  createAgentV2: 'agent_id',
  createSecret: 'secret_id',
  startRun: 'run_id',
  createApiKey: 'key_id',
  putDocument: 'document_id',
};
const MOST_KEPT = 12;

function keep(name: string, id: string): void {
  const ids = pool[name]!;
  ids.push(id);
  if (ids.length > MOST_KEPT) ids.shift();
}

/** What is made is used by later requests; a session that was closed makes room for an open one. */
async function remember({ operation }: FuzzRequest, { status, json }: Answer): Promise<void> {
  const next = (json as { pagination?: { next_cursor: string | null } } | undefined)?.pagination?.next_cursor;
  if (typeof next === 'string') keep('cursor', next);
  const data = (json as { data?: { id?: string; run?: { id: string } | null } } | undefined)?.data;
  if (status >= 300 || data === undefined) return;
  const name = MADE_BY[operation.id];
  if (name !== undefined && data.id !== undefined) keep(name, data.id);
  if (operation.id === 'postMessage' && data.run) keep('run_id', data.run.id);
  if (operation.id !== 'closeSession') return;
  const ids = pool['session_id']!;
  const at = ids.indexOf(data.id ?? '');
  if (at < 0) return;
  const session = await makeSession(project, { agent_id: agent.id, ...KINDS[at % KINDS.length] });
  sessions.push(session);
  ids[at] = session.id;
}

function problemOf({ operation }: FuzzRequest, answer: Answer): string | null {
  const { status, headers, json } = answer;
  if (status >= 500) return 'is a failure of the server';
  if (headers['x-request-id'] === undefined) return 'has no X-Request-Id';
  const documented = operation.responses[status];
  if (documented === undefined && !TRANSPORT_STATUSES.includes(status)) return 'is not documented';
  const type = headers['content-type']?.split(';')[0];
  if (status >= 400) {
    const schema = { $ref: '#/components/schemas/Error' };
    const wrong = api.check(schema, json);
    if (wrong !== null) return `is not the error body: ${wrong}`;
    const body = json as { code: string; statusCode: number };
    if (!(body.code in ERROR_CODES) || body.statusCode !== status) return 'contradicts itself';
    return null;
  }
  const content = documented?.content;
  if (content === undefined) return answer.text === '' ? null : 'has a body that is not documented';
  const schema = content[type ?? '']?.schema;
  if (schema === undefined) return `is of a type that is not documented: ${type}`;
  const wrong = type === 'application/json' ? api.check(schema, json) : null;
  return wrong === null ? null : `is not as documented: ${wrong}`;
}

async function tryOne(request: FuzzRequest): Promise<void> {
  const response = await open({ ...request.call, timeoutMs: ANSWER_MS });
  if (response.headers['content-type']?.startsWith('text/event-stream')) return void response.destroy();
  const answer = await readAnswer(response);
  const statuses = seen.get(request.operation.id) ?? new Map<number, number>();
  seen.set(request.operation.id, statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1));
  await remember(request, answer);
  const problem = problemOf(request, answer);
  if (problem !== null) {
    const { method, path } = request.call;
    throw new Error(
      `${method} ${path}: the answer ${problem}: ${answer.status} ${answer.text.slice(0, 2000)}`,
    );
  }
}

/** What must hold of every session, whatever was done to it. */
async function checkSession({ id }: Session): Promise<void> {
  const log = await readLog({ id });
  const session = dataOf(await get(sessionPath(id)), sessionSchema);
  const messages = await listAll(sessionPath(id, '/messages'), messageSchema, 200);
  const created = log.filter(({ type }) => type === 'message.created');
  expect(messages.map(({ seq }) => seq)).toEqual(created.map(({ seq }) => seq));
  expect(session.message_count).toBe(messages.length);
  const runs = await listAll(sessionPath(id, '/runs'), runSchema, 100);
  const queued = log
    .filter(({ type }) => type === 'run.queued')
    .map(({ data }) => (data as { run_id: string }).run_id);
  expect(runs.map((run) => run.id).sort()).toEqual(queued.sort());
  for (const run of runs) {
    const { length } = endingsOf(log, run);
    expect(length).toBeLessThanOrEqual(1);
    if (run.ended_at !== null) expect(length).toBe(1);
  }
}

const timeLimitMs = target.fuzzSeconds * 1000;
const seed = Number(target.fuzzSeed ?? Date.now() % 2 ** 31);

it('answers anything with what the OpenAPI document says', { timeout: timeLimitMs + 60_000 }, async () => {
  process.stdout.write(`fuzz seed: HOLDFAST_FUZZ_SEED=${seed}\n`);
  const before = { log: await readLog(probe), session: (await get(sessionPath(probe.id))).text };
  const schemas = new SchemaArbitrary(api, idsOf);
  const request = fc.oneof(
    ...api.operations.map((operation) => requestFor(operation, schemas, { user, weaker: tokens })),
  );
  const batch = fc.array(request, { minLength: 1, maxLength: AT_ONCE });
  await fc.assert(
    fc.asyncProperty(batch, async (requests) => {
      await Promise.all(requests.map(tryOne));
    }),
    { seed, numRuns: 1_000_000, interruptAfterTimeLimit: timeLimitMs },
  );

  expect((await get('/health')).status).toBe(200);
  expect(await readLog(probe)).toEqual(before.log);
  expect((await get(sessionPath(probe.id))).text).toBe(before.session);
  expect(await listMessages(probe)).toHaveLength(3);
  for (const session of sessions) await checkSession(session);
  await listAll(`${V1}/api-keys`, apiKeySchema, 100);

  const tried = [...seen.values()]
    .flatMap((statuses) => [...statuses.values()])
    .reduce((sum, n) => sum + n, 0);
  const succeeded = [...seen].filter(([, statuses]) => [...statuses.keys()].some((status) => status < 300));
  process.stdout.write(
    `fuzz: ${tried} requests, ${succeeded.length} of ${api.operations.length} operations succeeded at least once\n`,
  );
  // A generator that is refused everywhere proves little.
  expect(succeeded.length).toBeGreaterThan(api.operations.length * 0.4);
});
