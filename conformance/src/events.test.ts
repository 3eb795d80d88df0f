import { logEventSchema, type Project, type Session } from '@holdfast/protocol';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeProject, makeSession, readLog, say, sessionPath } from './support/api.ts';
import { errorOf, fieldsOf, pageOf } from './support/expect.ts';
import { followSse, followWs, type Follower, type FollowOptions } from './support/follow.ts';
import { get } from './support/http.ts';

let project: Project;
beforeAll(async () => {
  project = await makeProject('Events');
});

async function sessionWith(count: number): Promise<Session> {
  const session = await makeSession(project);
  for (let i = 0; i < count; i++) await say(session, `message ${i}`);
  return session;
}

async function follow(session: Session, options?: FollowOptions): Promise<Follower> {
  const follower = await followSse(session.id, options);
  onTestFinished(() => follower.drop());
  return follower;
}

async function followOverWs(session: Session, after = 0) {
  const follower = await followWs(session.id, after);
  onTestFinished(() => follower.drop());
  return follower;
}

const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('pages', () => {
  it('are of the log, oldest first, with where it begins and ends', async () => {
    const session = await sessionWith(4);
    const answer = await get(sessionPath(session.id, '/events?after=1&limit=2'));
    const { items, cursor } = pageOf(answer, logEventSchema);
    expect(items.map(({ seq }) => seq)).toEqual([2, 3]);
    expect(cursor).toBe('3');
    expect(answer.json).toMatchObject({ log: { last_seq: 5, min_seq: 1, log_epoch: expect.any(String) } });
    expect(await readLog(session, 2)).toHaveLength(5);
    expect(pageOf(await get(sessionPath(session.id, '/events?after=5')), logEventSchema)).toEqual({
      items: [],
      cursor: null,
    });
  });

  it.each(['after=-1', 'after=x', 'after=1.5', 'after=1e3', 'after=', 'limit=0', 'limit=1001', 'since=1'])(
    'refuse the query %s',
    async (query) => {
      const session = await makeSession(project);
      const [name] = query.split('=');
      expect(fieldsOf(await get(sessionPath(session.id, `/events?${query}`)))).toEqual([name]);
    },
  );
});

describe('the cursor', () => {
  const accept = { accept: 'text/event-stream' };

  it.each(['nonsense', '-1', '1.5', '0x10', '1,2', '99999999999999999999', 'null', '1 OR 1=1'])(
    'Last-Event-ID %s is refused with 400',
    async (id) => {
      const session = await makeSession(project);
      const headers = { ...accept, 'last-event-id': id };
      expect(fieldsOf(await get(sessionPath(session.id, '/events'), { headers }))).toEqual(['Last-Event-ID']);
    },
  );

  it('ahead of the log is refused with 409 and where the log ends', async () => {
    const session = await sessionWith(1);
    const path = sessionPath(session.id, '/events');
    const answers = await Promise.all([
      get(`${path}?after=3`),
      get(`${path}?after=3`, { headers: accept }),
      get(path, { headers: { ...accept, 'last-event-id': '9007199254740991' } }),
      get(`${path}?after=3`, { headers: upgradeHeaders }),
    ]);
    for (const answer of answers) {
      expect(errorOf(answer, 409, 'CURSOR_AHEAD').details).toMatchObject({ last_seq: 2, min_seq: 1 });
    }
  });

  it('Last-Event-ID wins over after; an empty one is none', async () => {
    const session = await sessionWith(4);
    const byHeader = await follow(session, { after: 1, lastEventId: 3 });
    await byHeader.received.untilSeq(5);
    expect(byHeader.received.ids).toEqual([4, 5]);
    const byQuery = await follow(session, { after: 2, headers: { 'last-event-id': '' } });
    await byQuery.received.untilSeq(5);
    expect(byQuery.received.ids).toEqual([3, 4, 5]);
  });
});

const upgradeHeaders = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

describe('server-sent events', () => {
  it('begin at 1 and go on live', async () => {
    const session = await sessionWith(3);
    const { received } = await follow(session);
    await received.untilSeq(4);
    await say(session, 'live');
    await received.untilSeq(5);
    expect(received.ids).toEqual(upTo(5));
    expect(received.events).toEqual(await readLog(session));
    expect(received.retryMs).toBeGreaterThan(0);
  });

  it('answer with the headers of a stream', async () => {
    const session = await makeSession(project);
    const { open } = await import('./support/http.ts');
    const response = await open(
      { path: sessionPath(session.id, '/events'), headers: { accept: 'text/event-stream' } },
      true,
    );
    onTestFinished(() => void response.destroy());
    expect(response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-request-id': expect.any(String),
    });
  });

  it('keep an idle stream alive with comments', { timeout: 30_000 }, async () => {
    const { received } = await follow(await makeSession(project));
    await received.until(() => received.comments.length > 0, 'a keep-alive', 20_000);
    expect(received.ids).toEqual([1]);
  });

  it('of an unknown session are a plain 404', async () => {
    const headers = { accept: 'text/event-stream' };
    errorOf(await get(sessionPath(crypto.randomUUID(), '/events'), { headers }), 404, 'NOT_FOUND');
  });
});

describe('WebSocket', () => {
  it('sends the same events in the same order', async () => {
    const session = await sessionWith(3);
    const [sse, ws] = await Promise.all([follow(session), followOverWs(session)]);
    await Promise.all(Array.from({ length: 10 }, (_, i) => say(session, `live ${i}`)));
    await Promise.all([sse.received.untilSeq(14), ws.received.untilSeq(14)]);
    expect(ws.received.events).toEqual(sse.received.events);
    expect(ws.received.ids).toEqual(upTo(14));
  });

  it('resumes after a number', async () => {
    const session = await sessionWith(5);
    const { received } = await followOverWs(session, 4);
    await received.untilSeq(6);
    expect(received.ids).toEqual([5, 6]);
  });

  it('agrees to its subprotocol and never echoes the credential', async () => {
    const { socket } = await followOverWs(await makeSession(project));
    expect(socket.protocol).toBe('holdfast');
  });

  it('answers a ping, closes on anything else', async () => {
    const { socket } = await followOverWs(await makeSession(project));
    const pong = new Promise<unknown>((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        const message = JSON.parse(String(data)) as { type: string };
        if (message.type === 'pong') resolve(message);
      });
    });
    socket.send('{"type":"ping"}');
    expect(await pong).toEqual({ type: 'pong', head: 1 });
    const closed = new Promise<number>((resolve) =>
      socket.addEventListener('close', ({ code }) => resolve(code)),
    );
    socket.send('{"type":"subscribe"}');
    expect(await closed).toBe(4400);
  });

  it('refuses before the upgrade with the one error body', async () => {
    const session = await makeSession(project);
    const path = sessionPath(session.id, '/events');
    const call = { headers: upgradeHeaders };
    errorOf(await get(path, { ...call, token: null }), 401, 'UNAUTHORIZED');
    errorOf(await get(sessionPath(crypto.randomUUID(), '/events'), call), 404, 'NOT_FOUND');
    errorOf(await get(`${path}?after=x`, call), 400, 'VALIDATION_ERROR');
    errorOf(await get(sessionPath(session.id), call), 400, 'INVALID_REQUEST');
    const headers = { ...upgradeHeaders, 'sec-websocket-version': '7' };
    const answer = await get(path, { headers });
    errorOf(answer, 400, 'INVALID_REQUEST');
    expect(answer.headers.connection).toBe('close');
  });
});

describe('exactly once, in one order', () => {
  it('for a follower that comes back again and again', { timeout: 60_000 }, async () => {
    const session = await makeSession(project);
    const total = 120;
    const writing = (async () => {
      for (let i = 0; i < total; i += 4) {
        await Promise.all(Array.from({ length: 4 }, (_, k) => say(session, `event ${i + k}`)));
      }
    })();
    const ids: number[] = [];
    let connections = 0;
    while (ids.length < total + 1) {
      const last = ids.at(-1) ?? 0;
      const goal = Math.min(total + 1, last + 1 + Math.floor(Math.random() * 9));
      const options = connections % 3 === 2 ? { after: last } : { lastEventId: last };
      const follower =
        connections % 2 === 0 ? await followSse(session.id, options) : await followWs(session.id, last);
      connections += 1;
      await follower.received.untilSeq(goal);
      follower.drop();
      ids.push(...follower.received.ids);
    }
    await writing;
    expect(ids).toEqual(upTo(total + 1));
    expect(connections).toBeGreaterThan(5);
  });

  it('for many followers at once', async () => {
    const session = await makeSession(project);
    const followers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? follow(session) : followOverWs(session))),
    );
    await Promise.all(Array.from({ length: 40 }, (_, i) => say(session, `message ${i}`)));
    const log = await readLog(session);
    expect(log).toHaveLength(41);
    for (const { received } of followers) {
      await received.untilSeq(41);
      expect(received.events).toEqual(log);
    }
  });
});
