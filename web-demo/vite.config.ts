import { defineConfig } from 'vitest/config';
import { COMPRESS, TARGET } from './vite.shared.ts';

// The Rust server embeds `dist`; while developing, everything that is not the page is asked of it.
const server = process.env['PALCO_SERVER'] ?? 'http://localhost:8080';

export default defineConfig({
  plugins: [COMPRESS],
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
