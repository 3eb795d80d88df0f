import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from './random.ts';
import type { ServerProcess } from './server-process.ts';
import type { World } from './world.ts';

/** How a round ends; `start` kills a server that is still starting. */
export type Ending = 'server' | 'start' | 'backend';

export interface RoundsOptions {
  server: ServerProcess;
  world: World;
  rounds: number;
  /** Process id of the private PostgreSQL whose backends may be killed. */
  postmaster: number | null;
  onRound: (round: number) => void;
  say: (line: string) => void;
}

const LIST = '/api/v1/sessions?limit=1';
const SHORT_MS = 400;
/** Long enough for a silent holder to be found and replaced. */
const LONG_MS = 4500;
const LONG_ROUND = 10;
const RECOVERED_WITHIN_MS = 20_000;

/** Starts and kills, round by round, while the load goes on. @returns how many of each kind */
export async function killRounds(options: RoundsOptions): Promise<Record<Ending, number>> {
  const { server, world, rounds, say } = options;
  const random = world.random('rounds');
  const kills = { server: 0, start: 0, backend: 0 };
  for (let round = 1; round <= rounds; round += 1) {
    const ending = choose(random, options.postmaster, server.pid !== undefined);
    const life = round % LONG_ROUND === LONG_ROUND / 2 ? LONG_MS : random.int(0, SHORT_MS);
    options.onRound(round);
    if (ending === 'start') {
      const { ready } = server.launch();
      await Promise.race([ready.catch(() => {}), pause(random.int(50, 1500))]);
      await server.kill();
    } else {
      if (server.pid === undefined) await server.start();
      await pause(life);
      if (ending === 'server') await server.kill();
      else await killBackend(options, random);
    }
    kills[ending] += 1;
    if (round % 10 === 0) say(`round ${round}: ${JSON.stringify(kills)}, ${server.crashes.length} crashes`);
  }
  return kills;
}

function choose(random: Random, postmaster: number | null, running: boolean): Ending {
  if (postmaster !== null && random.chance(0.35)) return 'backend';
  return !running && random.chance(0.1) ? 'start' : 'server';
}

/** PostgreSQL ends every other backend with the one that was killed; the server has to live through it. */
async function killBackend({ server, world, postmaster }: RoundsOptions, random: Random): Promise<void> {
  const pid = server.pid;
  let [first, ...others] = listBackends(postmaster ?? 0);
  while (first === undefined) {
    // The last kill took all of them; the next query brings one.
    await world.client.get(LIST);
    [first, ...others] = listBackends(postmaster ?? 0);
  }
  process.kill(random.pick([first, ...others]), 'SIGKILL');
  const begun = performance.now();
  const answer = await world.client.get(LIST);
  const took = performance.now() - begun;
  if (answer.status !== 200 || took > RECOVERED_WITHIN_MS)
    world.complain(`after a backend was killed the server answered ${answer.status} after ${took} ms`);
  if (server.pid !== pid) world.complain('the server ended when a backend was killed');
}

/** The processes that serve connections, by the title PostgreSQL gives them. */
function listBackends(postmaster: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((found) => found !== null)
    .filter(([, , parent, title = '']) => Number(parent) === postmaster && / postgres postgres /.test(title))
    .map(([, pid]) => Number(pid));
}
