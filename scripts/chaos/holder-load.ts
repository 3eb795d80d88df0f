import type { Answer } from './client.ts';
import type { Random } from './random.ts';
import type { Watched, World } from './world.ts';

const CLAIM_PAUSE_MS = 120;

export interface Held {
  epoch: number;
  holder: string;
  answer: Answer;
}

/** Claims until the session is ours; null when the load ended first. */
export async function claim(
  world: World,
  session: Watched,
  holder: string,
  ttlMs: number,
): Promise<Held | null> {
  while (!world.stopping || session.openRuns.size > 0) {
    const answer = await world.client.post(`${session.path}/lease`, { holder, ttl_ms: ttlMs });
    if (answer.status === 201) {
      const epoch = Number(answer.data['epoch']);
      const data = { epoch, holder };
      world.expect(session, { what: `claim of epoch ${epoch}`, times: 1, type: 'lease.claimed', data });
      return { epoch, holder, answer };
    }
    if (answer.body['code'] !== 'RESOURCE_CONFLICT')
      world.complain(`${session.name}: claim answered ${answer.status} ${JSON.stringify(answer.body)}`);
    await new Promise((resolve) => setTimeout(resolve, CLAIM_PAUSE_MS));
  }
  return null;
}

/**
 * A holder outside that appends its own events, beats, freezes, gives the lease back. Whoever is frozen
 * is replaced after a stall, and comes back to find every kind of write refused.
 */
export async function hold(world: World, session: Watched, ttlMs: number): Promise<void> {
  const random = world.random(`hold ${session.name}`);
  for (let turn = 1; !world.stopping; turn += 1) {
    const held = await claim(world, session, `${session.name}-${turn}`, ttlMs);
    if (held === null) return;
    const ending = await work(world, session, held, random);
    if (ending === 'frozen') {
      const rival = await claim(world, session, `${session.name}-${turn}-rival`, ttlMs);
      if (rival === null) return;
      await comeBackLate(world, session, held);
      await work(world, session, rival, random, 'release');
    }
  }
}

type Ending = 'frozen' | 'release' | 'lost';

async function work(
  world: World,
  session: Watched,
  held: Held,
  random: Random,
  ending: Ending = random.chance(0.5) ? 'frozen' : 'release',
): Promise<Ending> {
  for (let left = random.int(5, 40); left > 0 && !world.stopping; left -= 1) {
    await world.pause(random.int(0, 40));
    const alive = random.chance(0.2)
      ? await beat(world, session, held.epoch)
      : await append(world, session, held.epoch, random.int(1, 5));
    if (!alive) return 'lost';
  }
  if (ending === 'frozen' && !world.stopping) return ending;
  await release(world, session, held);
  return 'release';
}

/** @returns whether the lease is still ours */
async function beat(world: World, session: Watched, epoch: number): Promise<boolean> {
  const answer = await world.client.post(`${session.path}/lease/heartbeat`, { epoch, progress: true });
  if (answer.status === 200) world.count('(heartbeat)');
  else if (answer.body['code'] !== 'LEASE_LOST')
    world.complain(`${session.name}: heartbeat answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.status === 200;
}

/** Appends a batch until it is acknowledged or the lease is lost; a stalled lease is revived by a heartbeat. */
async function append(world: World, session: Watched, epoch: number, size: number): Promise<boolean> {
  const ids = Array.from({ length: size }, () => world.nextId('e'));
  for (;;) {
    const answer = await post(world, session, epoch, ids);
    if (answer.status === 201) {
      const written = answer.data['events'] as { seq: number }[];
      ids.forEach((clientMsgId, index) =>
        world.expect(session, {
          what: `event ${clientMsgId}`,
          times: 1,
          type: 'work.noted',
          clientMsgId,
          data: { epoch, note: clientMsgId },
          seq: written[index]?.seq ?? 0,
        }),
      );
      return true;
    }
    if (answer.body['code'] !== 'LEASE_LOST') {
      world.complain(`${session.name}: append answered ${answer.status} ${JSON.stringify(answer.body)}`);
      return false;
    }
    if (!(await beat(world, session, epoch))) return false;
  }
}

function post(world: World, session: Watched, epoch: number, ids: readonly string[]): Promise<Answer> {
  const events = ids.map((id) => ({ type: 'work.noted', client_msg_id: id, data: { epoch, note: id } }));
  return world.client.post(`${session.path}/events`, { epoch, events });
}

/** Not idempotent: a release that was repeated may find that the first one had worked. */
async function release(world: World, session: Watched, { epoch, holder }: Held): Promise<void> {
  const answer = await world.client.post(`${session.path}/lease/release`, { epoch });
  if (answer.status === 204) {
    const data = { epoch, holder };
    world.expect(session, { what: `release of epoch ${epoch}`, times: 1, type: 'lease.released', data });
  } else if (answer.body['code'] !== 'LEASE_LOST') {
    world.complain(`${session.name}: release answered ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}

/** Every kind of write under an epoch that was taken over is refused, and leaves no trace. */
async function comeBackLate(world: World, session: Watched, { epoch }: Held): Promise<void> {
  const id = world.nextId('late');
  const answers = {
    append: await post(world, session, epoch, [id]),
    heartbeat: await world.client.post(`${session.path}/lease/heartbeat`, { epoch }),
    release: await world.client.post(`${session.path}/lease/release`, { epoch }),
  };
  for (const [verb, { status, body }] of Object.entries(answers)) {
    if (status === 409 && body['code'] === 'LEASE_LOST') world.count('(late write refused)');
    else world.complain(`${session.name}: late ${verb} under epoch ${epoch} answered ${status}`);
  }
  const what = `late event ${id}`;
  world.expect(session, { what, times: 0, type: 'work.noted', clientMsgId: id });
}
