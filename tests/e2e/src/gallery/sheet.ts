// Several pictures of a page as one: laid out and compressed by the browser itself.

import type { Page } from 'playwright-core';

export interface Shot {
  picture: Buffer;
  width: number;
  height: number;
  size: string;
  theme: string;
  language: string;
}

/** All at the same height, in pixels. */
const HEIGHT = 480;
const GAP = 16;
const QUALITY = 46;

/** Light in the upper row, dark in the lower one. */
export async function sheet(paper: Page, shots: Shot[]): Promise<Buffer> {
  const row = (theme: string): string =>
    shots
      .filter((shot) => shot.theme === theme)
      .map(
        ({ picture }) => `<img src="data:image/png;base64,${picture.toString('base64')}" height="${HEIGHT}">`,
      )
      .join('');
  await paper.setContent(`<style>
    body { margin: 0; inline-size: max-content; padding: ${GAP}px; background: #8d939a; }
    div { display: flex; gap: ${GAP}px; margin-block-end: ${GAP}px; }
    div:last-child { margin: 0; }
    img { display: block; border-radius: 8px; }
  </style><div>${row('light')}</div><div>${row('dark')}</div>`);
  const [width, height] = await paper.evaluate(async () => {
    await Promise.all([...document.images].map((image) => image.decode()));
    const { width, height } = document.body.getBoundingClientRect();
    return [Math.ceil(width), Math.ceil(height)] as const;
  });
  await paper.setViewportSize({ width, height });
  const cdp = await paper.context().newCDPSession(paper);
  const { data } = await cdp.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY });
  await cdp.detach();
  return Buffer.from(data, 'base64');
}
