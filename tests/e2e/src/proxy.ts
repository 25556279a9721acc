// A TCP relay before the server that can be cut: the page and its WebSocket go through it, media does
// not. What a train's tunnel or a restarted reverse proxy does to a page.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Proxy {
  /** The server's address through the relay. */
  url: string;
  /** Ends every connection and accepts none until `mend`. */
  cut(): void;
  mend(): void;
  /** The server's connections end, and the pages are not told: who asks on one of theirs learns it then. */
  forget(): void;
  stop(): Promise<void>;
}

export async function startProxy(to: number): Promise<Proxy> {
  const open = new Set<Socket>();
  /** By the page's side: the server's side of what is relayed. */
  const pairs = new Map<Socket, Socket>();
  let whole = true;
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // A reset is what the other side sees; here it is no news.
    socket.on('error', () => undefined);
  };
  const relay = createServer((near) => {
    keep(near);
    if (!whole) {
      near.destroy();
      return;
    }
    const far = connect(to, '127.0.0.1');
    keep(far);
    near.pipe(far).pipe(near);
    pairs.set(near, far);
    near.once('close', () => {
      pairs.delete(near);
      far.destroy();
    });
    far.once('close', () => pairs.has(near) && near.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const end = (): void => open.forEach((socket) => socket.destroy());
  return {
    url: `http://localhost:${(relay.address() as AddressInfo).port}`,
    cut: () => {
      whole = false;
      end();
    },
    mend: () => {
      whole = true;
    },
    forget: () => {
      for (const [near, far] of pairs) {
        pairs.delete(near);
        far.destroy();
        near.unpipe().resume();
        near.once('data', () => near.resetAndDestroy());
      }
    },
    stop: () =>
      new Promise((resolve) => {
        relay.close(() => resolve());
        end();
      }),
  };
}
