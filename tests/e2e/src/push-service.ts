// A push service as Firefox speaks with one (Mozilla's autopush, over a WebSocket): browsers register with
// it, servers post sealed messages to it (RFC 8030), and it hands them on unopened.

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

export interface PushService {
  /** For the browser's setting. */
  url: string;
  /** How many messages servers have posted. */
  readonly posted: number;
  /** How many subscriptions browsers were given. */
  readonly given: number;
  /** Forgets every browser, as one that lost its data: their subscriptions are over. */
  forget(): void;
  stop(): void;
}

/** What a browser says. */
interface Said {
  messageType: string;
  uaid?: string;
  channelID?: string;
  /** The one server that may post. */
  key?: string;
}

export async function startPushService(): Promise<PushService> {
  const channels = new Map<string, { browser: WebSocket; key: string }>();
  const known = new Set<string>();
  let posted = 0;
  let given = 0;
  const http = createServer((request, response) => {
    void read(request).then((body) => {
      const channel = channels.get(request.url?.split('/').at(-1) ?? '');
      const key = /\bk=([\w-]+)/.exec(request.headers.authorization ?? '')?.[1];
      if (!channel) return response.writeHead(410).end();
      if (key !== channel.key) return response.writeHead(403).end();
      posted += 1;
      channel.browser.send(
        JSON.stringify({
          messageType: 'notification',
          channelID: request.url?.split('/').at(-1),
          version: String(posted),
          data: body.toString('base64url'),
          headers: { encoding: request.headers['content-encoding'] },
        }),
      );
      return response.writeHead(201, { Location: `/sent/${posted}` }).end();
    });
  });
  const sockets = new WebSocketServer({
    server: http,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const at = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  sockets.on('connection', (browser) => {
    const say = (message: object): void => browser.send(JSON.stringify(message));
    browser.on('message', (data) => {
      const said = JSON.parse(String(data)) as Partial<Said>;
      const { messageType, channelID = '', key = '' } = said;
      if (messageType === 'hello') {
        const uaid = known.has(said.uaid ?? '') ? said.uaid! : randomUUID().replaceAll('-', '');
        known.add(uaid);
        say({ messageType, status: 200, uaid, use_webpush: true });
      } else if (messageType === 'register') {
        channels.set(channelID, { browser, key: key.replace(/=+$/, '') });
        given += 1;
        say({ messageType, channelID, status: 200, pushEndpoint: `http://${at}/push/${channelID}` });
      } else if (messageType === 'unregister') {
        channels.delete(channelID);
        say({ messageType, channelID, status: 200 });
      } else if (messageType === 'ping') say({ messageType });
    });
  });
  return {
    url: `ws://${at}/`,
    get posted() {
      return posted;
    },
    get given() {
      return given;
    },
    forget: () => {
      known.clear();
      channels.clear();
      sockets.clients.forEach((browser) => browser.terminate());
    },
    stop: () => {
      sockets.clients.forEach((browser) => browser.terminate());
      http.close();
    },
  };
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
