import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vite';
import { COMPRESS, TARGET } from './vite.shared.ts';

// The service worker, built last: it knows the files of the app's build by name.
const files = readdirSync('dist/assets')
  .filter((name) => !/\.(br|gz)$/.test(name))
  .sort()
  .map((name) => `/assets/${name}`);
const version = createHash('sha256').update(readFileSync('dist/index.html')).update(files.join());

export default defineConfig({
  publicDir: false,
  plugins: [COMPRESS],
  define: { SHELL: JSON.stringify({ version: version.digest('hex').slice(0, 12), files }) },
  build: {
    outDir: 'dist',
    // The app is there already.
    emptyOutDir: false,
    target: TARGET,
    rolldownOptions: {
      input: { sw: 'src/worker/sw.ts' },
      output: { format: 'iife', entryFileNames: '[name].js' },
    },
  },
});
