import { answerToolCalls, chat } from './chat-load.ts';
import { hold } from './holder-load.ts';
import { executeOutside } from './outside-run-load.ts';
import type { Watched, World } from './world.ts';

const HOLDER_TTL_MS = 1200;
const CLIENT_TOOL = {
  name: 'ask_client',
  description: 'Asks the client.',
  executor: 'client',
  timeout_seconds: 1,
};
const TOOLS = ['calculate', 'current_time', 'search_documents', CLIENT_TOOL];

/** Sessions of every kind with people, tools and holders at work in them. @returns what ends with the load */
export async function startLoad(world: World): Promise<Promise<unknown>[]> {
  const load: Promise<unknown>[] = [];
  const begin = (work: Promise<unknown>): void => keep(load, work);
  const agentId = await world.createAgent('Helper', TOOLS);
  for (const runPolicy of ['queue', 'queue', 'interrupt', 'reject'] as const) {
    const name = `${runPolicy}${world.sessions.length}`;
    const session = await world.watch({ name, agentId, runPolicy });
    const answered = answerToolCalls(world, session);
    begin(chat(world, session, `${name}-a`).then(answered));
  }
  // Two people in one session: their messages contend.
  begin(chat(world, world.sessions[0]!, `${world.sessions[0]!.name}-b`));
  for (const name of ['held0', 'held1'])
    begin(hold(world, await world.watch({ name, executor: 'external' }), HOLDER_TTL_MS));
  const outside = await world.watch({ name: 'outside', agentId, executor: 'external' });
  const asking = chat(world, outside, 'outside-a');
  begin(asking);
  begin(executeOutside(world, outside, HOLDER_TTL_MS, asking));
  return load;
}

/** Now and then a new session, and a follower that begins in the middle of everything. */
export function stir(world: World, load: Promise<unknown>[], round: number): void {
  const random = world.random(`stir ${round}`);
  if (round % 20 === 10) world.addLateFollower(random.pick(world.sessions as [Watched, ...Watched[]]));
  if (round % 20 !== 0) return;
  // Not waited for: the server may be down just now, and the request is repeated until it is up.
  const name = `extra${round}`;
  const agentId = world.sessions[0]!.agentId;
  keep(
    load,
    world.watch({ name, agentId }).then((session) => chat(world, session, name)),
  );
}

/** What fails is reported when the load has ended, not the moment it happens. */
function keep(load: Promise<unknown>[], work: Promise<unknown>): void {
  work.catch(() => {});
  load.push(work);
}
