import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Connections that have not carried a request yet, as browsers open ahead of need. Node counts them
 * as busy, so that closing would wait for them.
 */
export function trackSpareSockets(server: Server): () => void {
  const spare = new Set<Socket>();
  const used = ({ socket }: { socket: Socket }) => void spare.delete(socket);
  server.on('connection', (socket: Socket) => {
    spare.add(socket);
    socket.once('close', () => spare.delete(socket));
  });
  server.on('request', used);
  server.on('upgrade', used);
  return () => {
    for (const socket of spare) socket.destroy();
  };
}
