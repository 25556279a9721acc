import { defineConfig } from 'vite';
import { COMPRESS, TARGET } from './vite.shared.ts';

// What other pages import, at addresses that stay: /sdk/palco.js and /sdk/palco-room.js.
export default defineConfig({
  publicDir: false,
  plugins: [COMPRESS],
  build: {
    outDir: 'dist/sdk',
    target: TARGET,
    // light-dark() as it is: what it is rewritten to for older browsers needs a colour scheme of its own, and
    // the element has its page's.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: false,
    rolldownOptions: {
      input: { palco: 'src/sdk/index.ts', 'palco-room': 'src/element/palco-room.ts' },
      preserveEntrySignatures: 'strict',
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});
