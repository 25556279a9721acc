import { readFile } from 'node:fs/promises';
import { minify, transformWithOxc, type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { COMPRESS, TARGET } from './vite.shared.ts';

/** Puts the script of `<script inline src="/…">` into the page; the server allows it by its digest (src/web.rs). */
const INLINE: Plugin = {
  name: 'palco-inline',
  transformIndexHtml: {
    order: 'pre',
    handler: async (html) => {
      const [tag, path] = /<script inline src="\/(.+?)"><\/script>/.exec(html) ?? [];
      if (tag === undefined || path === undefined) throw new Error('index.html has no inline script');
      const { code } = await transformWithOxc(await readFile(path, 'utf8'), path, { target: TARGET });
      const small = await minify(path, code);
      return html.replace(tag, () => `<script>${small.code}</script>`);
    },
  },
};

// The Rust server embeds `dist`; while developing, everything that is not the page is asked of it.
const server = process.env['PALCO_SERVER'] ?? 'http://localhost:8080';

export default defineConfig({
  plugins: [INLINE, COMPRESS],
  build: {
    target: TARGET,
    // A module-preload shim would be an inline script for old browsers only; the CSP allows none.
    modulePreload: { polyfill: false },
    // What scripts/size.mjs follows.
    manifest: true,
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      '/api': { target: server },
      '/ws': { target: server, ws: true },
    },
  },
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
  },
});
