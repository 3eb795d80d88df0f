import { Api, HeldSession } from '../harness/api.ts';
import type { Bench } from '../harness/bench.ts';
import { Followers, sseTarget, startProcess } from '../harness/followers.ts';
import type { Row } from '../harness/row.ts';
import { withServer } from '../harness/server.ts';
import { DATA } from './append-schemes.ts';
import { measureLatency } from './fan-out-latency.ts';
import { measureRate } from './fan-out-rate.ts';
import { MARKER, WINDOW, type Setting } from './fan-out-setting.ts';

/** One session with 1,000 followers on real sockets, beside a bare loop and Socket.IO. */
export async function measureFanOut(bench: Bench): Promise<Row[]> {
  return withServer(bench, bench.mainEngine, {}, async (server) => {
    const [followers, raw] = await Promise.all([Followers.start(), startProcess('raw-server')]);
    const socketIo = await startProcess('socket-io-server').catch(() => null);
    if (socketIo === null) bench.note('socket.io is not installed, so its row is missing');
    const api = new Api(server.url, server.apiKey, WINDOW);
    const session = await HeldSession.create(api, server.projectId);
    const rawUrl = await raw.ask<string>('url');
    const events = bench.quick ? 100 : 1000;
    const setting: Setting = { bench, server, session, raw, rawUrl, followers, events };
    try {
      await copyFrame(setting);
      return [...(await measureRate(setting, socketIo)), ...(await measureLatency(setting))];
    } finally {
      await Promise.all([followers.stop(), raw.stop(), socketIo?.stop(), api.close()]);
    }
  });
}

/** The bare server sends the very bytes of one of our frames. */
async function copyFrame({ session, followers, server, raw }: Setting): Promise<void> {
  await session.fill(1000, () => DATA, { size: 100 });
  const target = sseTarget(server, `${session.path}?after=900`);
  await raw.ask('setFrame', await followers.sample({ target, marker: MARKER }));
}
