import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const END = Buffer.from('\n\n');
const MAX_DELAY_MS = 60;
const KEPT_FRAMES = 50;

type Pick = <T extends string>(chances: Record<T, number>) => T | null;

interface Frames {
  whole: Buffer[];
  rest: Buffer;
}

function splitFrames(bytes: Buffer): Frames {
  const whole: Buffer[] = [];
  let from = 0;
  for (let end = bytes.indexOf(END); end !== -1; end = bytes.indexOf(END, from)) {
    whole.push(bytes.subarray(from, end + END.length));
    from = end + END.length;
  }
  return { whole, rest: bytes.subarray(from) };
}

/**
 * Passes a stream of server-sent events on, frame by frame, and cuts it, ends it cleanly, truncates it
 * in the middle of a frame, delays it, repeats a frame or many, leaves one out, or goes silent.
 */
export async function tortureStream(
  reply: IncomingMessage,
  outgoing: ServerResponse,
  pick: Pick,
  random: () => number,
): Promise<void> {
  outgoing.writeHead(reply.statusCode ?? 500, { 'content-type': reply.headers['content-type'] });
  outgoing.flushHeaders();
  const sent: Buffer[] = [];
  let stalled = false;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    const frames = splitFrames(Buffer.concat([rest, chunk]));
    rest = frames.rest;
    for (const frame of frames.whole) {
      if (stalled) continue;
      const fault = pick({
        cutStream: 1.5,
        endStream: 1,
        truncateStream: 1.5,
        truncateAndEnd: 1.5,
        delayFrame: 2,
        repeatFrame: 3,
        repeatMany: 1,
        dropFrame: 1,
        stallStream: 0.2,
      });
      const half = frame.subarray(0, Math.floor(random() * frame.length));
      if (fault === 'cutStream') return void outgoing.destroy();
      if (fault === 'endStream') return void outgoing.end();
      if (fault === 'truncateStream') return void outgoing.write(half, () => outgoing.destroy());
      if (fault === 'truncateAndEnd') return void outgoing.end(half);
      if (fault === 'delayFrame') await sleep(random() * MAX_DELAY_MS);
      stalled = fault === 'stallStream';
      if (fault === 'dropFrame' || stalled) continue;
      outgoing.write(frame);
      sent.push(frame);
      if (fault === 'repeatFrame') outgoing.write(frame);
      if (fault === 'repeatMany') outgoing.write(Buffer.concat(sent.slice(-KEPT_FRAMES)));
    }
  }
  outgoing.end();
}
