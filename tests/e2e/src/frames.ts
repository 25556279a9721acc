// Counts what goes over a page's WebSockets, in any browser: the page's own WebSocket is watched.

import type { BrowserContext } from 'playwright-core';

/** The `type` of each message, in order. */
export interface Frames {
  received: string[];
  sent: string[];
}

declare global {
  interface Window {
    palcoFrames: Frames;
  }
}

export async function watchFrames(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const frames: Frames = (window.palcoFrames = { received: [], sent: [] });
    const typeOf = (data: unknown): string => String((JSON.parse(String(data)) as { type: unknown }).type);
    window.WebSocket = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        this.addEventListener('message', ({ data }) => frames.received.push(typeOf(data)));
      }
      override send(data: string): void {
        frames.sent.push(typeOf(data));
        super.send(data);
      }
    };
  });
}
