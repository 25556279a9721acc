// A page of somebody else's product, of another origin, with a room in it.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';

export interface Product {
  /** Its origin, which the server must know before it starts. */
  url: string;
  /** What it shows from now on. */
  room?: { server: string; id: string };
  close(): void;
}

export async function startProduct(): Promise<Product> {
  const product: Product = { url: '', close: () => server.close() };
  const server = createServer((request, response) => {
    const language = new URL(request.url ?? '/', product.url).searchParams.get('lang') ?? 'en';
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(product.room ? page(product.room, language) : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  product.url = `http://localhost:${(server.address() as AddressInfo).port}`;
  return product;
}

function page({ server, id }: NonNullable<Product['room']>, language: string): string {
  return `<!doctype html>
<html lang="${language}">
<meta name="viewport" content="width=device-width">
<title>Observatory</title>
<style>
  :root { color-scheme: light dark; font-family: Inter, sans-serif; line-height: 1.5; }
  body { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem; }
  nav { display: flex; gap: 1.5rem; font-weight: 600; margin-bottom: 2rem; }
  nav b { margin-right: auto; }
  h1 { line-height: 1.2; }
  palco-room { display: block; margin-top: 2rem; --palco-accent: #7a3cff; --palco-on-accent: #fff; }
</style>
<script type="module" src="${server}/sdk/palco-room.js"></script>
<nav><b>Observatory</b><span>Visit</span><span>Papers</span><span>Talks</span></nav>
<h1>First light, and what came after</h1>
<p>Ask those who were there when the first picture came down. The conversation is live, here on this page.</p>
<palco-room room="${id}" name="Federica"></palco-room>
</html>`;
}

/** The page in this language, listening. */
export async function listenThere(page: Page, { url }: Product, language: string): Promise<void> {
  await page.goto(`${url}/?lang=${language}`);
  await page.locator('palco-room button').first().click();
  await page.locator('palco-room li[data-speaking="true"]').first().waitFor();
}
