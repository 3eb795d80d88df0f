import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES, silentLogger } from '../../../test/harness.ts';
import { chat, responses, startModelServer, type ModelServer } from '../../../test/model-server.ts';
import { openRuns, Runs } from '../../../test/run-fixture.ts';
import { createModels } from '../../infra/model/index.ts';
import type { Services } from '../../core/context.ts';
import { claimRun, getRun } from '../../core/run/index.ts';
import {
  addSecretVersion,
  createSecret,
  deleteSecret,
  disableSecretVersion,
  listSecretAccesses,
} from '../secret/index.ts';
import { createAgent, executeRun, updateAgent } from './index.ts';

const budgets = { steps: 20, tokens: 200_000, seconds: 600 };

describe.each(ENGINES)("agents with the tenant's own model keys on %s", (engine) => {
  let t: Runs;
  let provider: ModelServer;
  let services: Services;
  beforeAll(async () => {
    t = await openRuns(engine);
  }, 60_000);
  afterAll(() => t.h.close());
  beforeEach(async () => {
    provider = await startModelServer();
    provider.script = ({ path }) =>
      path.endsWith('/responses')
        ? { frames: [...responses.text('Hello'), ...responses.end()] }
        : { frames: [...chat.text('Hello'), ...chat.end()] };
    const models = createModels(
      {
        defaultModels: ['offline'],
        offlineTokenDelayMs: 0,
        timeoutMs: 10_000,
        openai: { baseUrl: provider.url },
        compatible: { baseUrl: provider.url, apiKey: 'sk-server' },
      },
      silentLogger,
    );
    services = { ...t.services, models };
    const { tenantId, projectId } = await t.h.createTenant();
    t = new Runs(t.h, services, tenantId, projectId);
  });
  afterEach(() => provider.close());

  const store = (name: string, value: string) => createSecret(t.ctx, { name, kind: 'model_key', value });
  const agentOf = (model: string) =>
    createAgent(t.ctx, { project_id: t.projectId, name: 'a', instructions: '', model, tools: [], budgets });
  const run = async (model: string, of = t) => {
    const { id } = await of.session({}, { model });
    const { run: queued } = await of.post(id, 'hello');
    const key = { tenantId: of.tenantId, sessionId: id };
    const claim = await claimRun(services, { holder: 'server:x', actor: 'server:x' }, key);
    await executeRun(services, claim!, new AbortController().signal);
    const ended = await getRun(of.ctx, id, queued!.id);
    return { ...ended, messages: await of.messages(id), log: await of.log(id) };
  };
  const shown = () => provider.requests.map(({ headers }) => headers.authorization);

  test('the provider sees the key of the tenant whose agent calls, and each use is on record with its run', async () => {
    const { id } = await store('compatible', 'sk-of-the-tenant-itself');
    const { tenantId, projectId } = await t.h.createTenant();
    const other = new Runs(t.h, services, tenantId, projectId);
    const mine = await run('compatible/m');
    const theirs = await run('compatible/m', other);
    expect([mine.status, theirs.status]).toEqual(['completed', 'completed']);
    expect(mine.messages.at(-1)).toMatchObject({ content: 'Hello' });
    expect(shown()).toEqual(['Bearer sk-of-the-tenant-itself', 'Bearer sk-server']);
    const { items } = await listSecretAccesses(t.ctx, id, { limit: 10 });
    expect(items).toMatchObject([
      {
        version: 1,
        outcome: 'granted',
        actor: `agent:${mine.agent_id}`,
        purpose: 'model call compatible/m',
        run_id: mine.id,
      },
    ]);
    expect(JSON.stringify(mine)).not.toContain('sk-of-the-tenant');
  });

  test('a change is used by the next call, a deleted key no more', async () => {
    const { id } = await store('compatible', 'sk-first');
    await run('compatible/m');
    await addSecretVersion(t.ctx, id, { value: 'sk-second' });
    await run('compatible/m');
    await disableSecretVersion(t.ctx, id, 2);
    await run('compatible/m');
    await deleteSecret(t.ctx, id);
    await run('compatible/m');
    await store('compatible', 'sk-third');
    await run('compatible/m');
    expect(shown()).toEqual(
      ['sk-first', 'sk-second', 'sk-first', 'sk-server', 'sk-third'].map((key) => `Bearer ${key}`),
    );
  });

  test('a model the server has no key for can be used by who has one', async () => {
    const refused = { code: 'VALIDATION_ERROR', message: expect.stringContaining('openai/m') };
    await expect(agentOf('openai/m')).rejects.toMatchObject(refused);
    await createSecret(t.ctx, { name: 'openai', kind: 'other', value: 'not a model key' });
    await expect(agentOf('openai/m')).rejects.toMatchObject(refused);
    await store('anthropic', 'sk-elsewhere');
    const agent = await agentOf('offline');
    await expect(updateAgent(t.ctx, agent.id, { model: 'openai/m' })).rejects.toMatchObject(refused);
    const { tenantId, projectId } = await t.h.createTenant();
    const other = new Runs(t.h, services, tenantId, projectId);
    await createSecret(other.ctx, { name: 'openai', kind: 'model_key', value: 'sk-openai-key-of-tenant' });
    expect(await run('openai/m', other)).toMatchObject({ status: 'completed' });
    expect(shown()).toEqual(['Bearer sk-openai-key-of-tenant']);
  });

  test("a key that is disabled fails the run with a clear error instead of using the server's", async () => {
    const { id } = await store('compatible', 'sk-first');
    await disableSecretVersion(t.ctx, id, 1);
    const { status, error } = await run('compatible/m');
    expect(status).toBe('failed');
    expect(error).toMatchObject({
      code: 'LLM_ERROR',
      message: expect.stringContaining('The secret "compatible" has no version that may be used.'),
    });
    expect(shown()).toEqual([]);
  });

  test('a key that the provider refuses is in no error, event or message', async () => {
    await store('compatible', 'sk-refused-by-the-provider');
    provider.script = () => ({ status: 401 });
    const failed = await run('compatible/m');
    expect(failed.error).toMatchObject({ message: expect.stringContaining('HTTP 401') });
    expect(JSON.stringify(failed)).not.toContain('sk-refused');
  });
});
