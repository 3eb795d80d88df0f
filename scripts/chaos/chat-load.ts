import type { Random } from './random.ts';
import type { Watched, World } from './world.ts';

const MOST_OPEN_RUNS = 3;
const CANCEL = 0.08;
const RESEND = 0.1;

const QUESTIONS = [
  'Hello, what can you do for me?',
  '/calculate {"expression":"6*7"}\n/current_time {}',
  'Calculate 12 * 12 and then what time is it?',
  '/calculate {"expression":"1/0"}',
  '/search_documents {"query":"lease epoch"}',
  '/no_such_tool {"a":1}',
  '/ask_client {"question":"yes?"}',
  '/ask_client {"question":"no?"}\n/calculate {"expression":"2+2"}',
] as const;

interface Post {
  body: { content: string; client_msg_id: string };
  key: string | undefined;
}

/** Posts messages, each repeated until it is answered; now and then cancels a run or sends a message again. */
export async function chat(world: World, session: Watched, title: string): Promise<void> {
  const random = world.random(`chat ${title}`);
  const again: Promise<void>[] = [];
  while (!world.stopping) {
    await world.pause(random.int(1, 120));
    if (session.openRuns.size >= MOST_OPEN_RUNS && random.chance(0.9)) continue;
    const post: Post = {
      body: { content: random.pick(QUESTIONS), client_msg_id: world.nextId(`m-${title}`) },
      key: random.chance(0.4) ? world.nextId('k') : undefined,
    };
    const answer = await world.client.post(`${session.path}/messages`, post.body, post.key);
    if (answer.status >= 400) refuse(world, session, post, answer.status, answer.body['code']);
    else {
      const message = answer.data['message'] as { id: string; seq: number };
      const run = answer.data['run'] as { id: string } | null;
      acknowledge(world, session, post, message, run);
      if (run !== null && random.chance(CANCEL))
        again.push(cancel(world, session, run.id, random.int(0, 300)));
      if (random.chance(RESEND)) again.push(resend(world, session, post, message, random));
    }
  }
  await Promise.all(again);
}

function acknowledge(
  world: World,
  session: Watched,
  { body }: Post,
  message: { id: string; seq: number },
  run: { id: string } | null,
): void {
  const clientMsgId = body.client_msg_id;
  world.expect(session, {
    what: `message ${clientMsgId}`,
    times: 1,
    type: 'message.created',
    clientMsgId,
    data: { message_id: message.id, content: body.content },
    seq: message.seq,
  });
  const isRun = session.agentId !== null;
  if (run === null) {
    if (isRun) world.complain(`${session.name}: message ${clientMsgId} was acknowledged without a run`);
    return;
  }
  const data = { run_id: run.id, message_id: message.id };
  world.expect(session, { what: `run of message ${clientMsgId}`, times: 1, type: 'run.queued', data });
}

/** The policy `reject` may refuse a message; then nothing of it may be there. */
function refuse(world: World, session: Watched, { body }: Post, status: number, code: unknown): void {
  const clientMsgId = body.client_msg_id;
  if (status !== 409 || code !== 'RESOURCE_CONFLICT' || !session.name.includes('reject'))
    world.complain(`${session.name}: message ${clientMsgId} was refused with ${status} ${String(code)}`);
  const what = `refused message ${clientMsgId}`;
  world.expect(session, { what, times: 0, type: 'message.created', clientMsgId });
}

async function cancel(world: World, session: Watched, runId: string, afterMs: number): Promise<void> {
  await world.pause(afterMs);
  const answer = await world.client.post(`${session.path}/runs/${runId}/cancel`, {});
  if (answer.status === 200) {
    const data = { run_id: runId };
    world.expect(session, { what: `cancel of ${runId}`, times: 1, type: 'run.cancelled', data });
  } else if (answer.body['code'] !== 'RESOURCE_CONFLICT') {
    world.complain(`${session.name}: cancel of ${runId} answered ${answer.status}`);
  }
}

/** The same message once more, some time later: the same answer, and nothing new. */
async function resend(
  world: World,
  session: Watched,
  { body, key }: Post,
  message: { id: string; seq: number },
  random: Random,
): Promise<void> {
  await world.pause(random.int(0, 3000));
  const answer = await world.client.post(
    `${session.path}/messages`,
    body,
    random.chance(0.5) ? key : undefined,
  );
  const same = answer.data['message'] as { id: string; seq: number } | undefined;
  if (answer.status < 300 && same?.id === message.id && same.seq === message.seq) world.count('(sent again)');
  else
    world.complain(
      `${session.name}: ${body.client_msg_id} sent again answered ${answer.status} ${JSON.stringify(answer.body)}`,
    );
}

/** Answers most of the calls of the client's tool, and lets the others run out of time. */
export function answerToolCalls(world: World, session: Watched): () => Promise<void> {
  const random = world.random(`tools ${session.name}`);
  const pending = new Set<Promise<void>>();
  session.onEvent(({ type, data }) => {
    if (type !== 'tool.called' || data['executor'] !== 'client' || random.chance(0.2)) return;
    const answering = answerCall(world, session, data, random.int(0, 200));
    pending.add(answering);
    void answering.finally(() => pending.delete(answering));
  });
  return async () => void (await Promise.all(pending));
}

async function answerCall(
  world: World,
  session: Watched,
  { run_id, step_index }: Record<string, unknown>,
  afterMs: number,
): Promise<void> {
  await world.pause(afterMs);
  const path = `${session.path}/runs/${String(run_id)}/steps/${String(step_index)}/result`;
  const nonce = world.nextId('tool');
  const answer = await world.client.post(path, { output: nonce }, nonce);
  if (answer.status < 300) {
    const data = { run_id, step_index, is_error: false, output: nonce };
    world.expect(session, { what: `tool result ${nonce}`, times: 1, type: 'tool.completed', data });
  } else if (answer.body['code'] !== 'RESOURCE_CONFLICT') {
    world.complain(`${session.name}: tool result answered ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}
