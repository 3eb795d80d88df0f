import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy whose line can be cut: open connections die at once, new ones are refused. */
export class CutProxy {
  readonly url: string;
  readonly #close: () => void;
  readonly #sockets: Set<Socket>;
  #isCut = false;

  private constructor(url: string, sockets: Set<Socket>, close: () => void) {
    this.url = url;
    this.#sockets = sockets;
    this.#close = close;
  }

  static async open(targetPort: number): Promise<CutProxy> {
    const sockets = new Set<Socket>();
    let proxy: CutProxy | null = null;
    const server = createServer((near) => {
      if (proxy !== null && proxy.#isCut) return void near.resetAndDestroy();
      const far = connect(targetPort, '127.0.0.1');
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
      }
      near.pipe(far);
      far.pipe(near);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    proxy = new CutProxy(`http://127.0.0.1:${port}`, sockets, () => server.close());
    return proxy;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  close(): void {
    this.cut();
    this.#close();
  }
}
