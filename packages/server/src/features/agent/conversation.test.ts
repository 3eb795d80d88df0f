import { randomUUID } from 'node:crypto';
import type { Message, Step } from '@holdfast/protocol';
import { describe, expect, test } from 'vitest';
import { buildConversation } from './conversation.ts';

const RUN = randomUUID();
const AT = Date.UTC(2030, 0, 1);

function messages(...said: { role: Message['role']; content: string; run_id?: string }[]): Message[] {
  return said.map(({ role, content, run_id = null }, index) => ({
    id: `m${index}`,
    session_id: randomUUID(),
    message_index: index,
    seq: index + 2,
    role,
    content,
    run_id,
    client_msg_id: null,
    metadata: {},
    created_at: new Date(AT + index * 1000).toISOString(),
  }));
}

function step(step_index: number, part: Partial<Step>): Step {
  return {
    run_id: RUN,
    step_index,
    kind: 'model',
    status: 'completed',
    name: 'offline',
    attempt: 1,
    call_id: null,
    message_id: randomUUID(),
    idempotency_key: `${RUN}/${step_index}`,
    policy: null,
    input: null,
    output: null,
    usage: { input_tokens: 0, output_tokens: 0 },
    deadline_at: null,
    started_at: new Date(AT).toISOString(),
    ended_at: null,
    ...part,
  };
}

const user = (content: string) => ({ role: 'user' as const, content });
const assistant = (content: string, run_id: string = randomUUID()) => ({
  role: 'assistant' as const,
  content,
  run_id,
});
const run = (triggerId: string | null, startedAt = AT + 3_600_000) => ({ runId: RUN, triggerId, startedAt });
const shape = (built: ReturnType<typeof buildConversation>) =>
  built.map((part) => `${part.role}: ${part.role === 'tool' ? JSON.stringify(part.output) : part.content}`);

describe('buildConversation', () => {
  test('answers that came after a queued message stand before it; later questions are left out', () => {
    const said = messages(user('one'), user('two'), user('three'), assistant('to one'));
    expect(shape(buildConversation(said, [], run('m1')))).toEqual([
      'user: one',
      'assistant: to one',
      'user: two',
    ]);
    expect(shape(buildConversation(said, [], run('m0')))).toEqual(['assistant: to one', 'user: one']);
  });

  test('what this run has said itself comes from its steps alone, with calls and results', () => {
    const said = messages(user('look'), assistant('Let me see.', RUN));
    const call = { call_id: 'c', name: 'look', input: {} };
    const steps = [
      step(0, {
        output: { text: 'Let me see.', tool_calls: [call], finish_reason: 'tool_calls', model: 'm' },
      }),
      step(1, { kind: 'tool', name: 'look', call_id: 'c', output: { found: 1 } }),
      step(2, { status: 'started' }),
    ];
    const built = buildConversation(said, steps, run('m0'));
    expect(shape(built)).toEqual(['user: look', 'assistant: Let me see.', 'tool: {"found":1}']);
    expect(built[1]).toMatchObject({ tool_calls: [call] });
    expect(built[2]).toMatchObject({ call_id: 'c', name: 'look', is_error: false });
  });

  test('failed tools are told as errors; failed and open model steps are not told', () => {
    const error = { error: { code: 'INTERRUPTED', message: 'x' } };
    const steps = [
      step(0, { status: 'failed', output: error }),
      step(1, { kind: 'tool', status: 'failed', call_id: 'c', output: error }),
      step(2, { kind: 'tool', status: 'waiting', call_id: 'd' }),
      step(3, { status: 'started' }),
    ];
    const built = buildConversation(messages(user('x')), steps, run('m0'));
    expect(built.slice(1)).toMatchObject([{ role: 'tool', is_error: true, output: error }]);
  });

  test('without a message to answer, what was said after the start is left out', () => {
    const said = messages(user('one'), assistant('to one'), user('two'), user('three'));
    expect(shape(buildConversation(said, [], run(null, AT + 2500)))).toEqual([
      'user: one',
      'assistant: to one',
      'user: two',
    ]);
  });
});
