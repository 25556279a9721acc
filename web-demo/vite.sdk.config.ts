import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig, runnerImport, type Plugin } from 'vite';
import { COMPRESS, TARGET } from './vite.shared.ts';

const element = readdirSync('src/element')
  .map((name) => readFileSync(`src/element/${name}`, 'utf8'))
  .join('\n');

/** Whether the element says it: by its key, by a plural's stem, or by a key made from a code (`over.${…}`). */
function says(key: string): boolean {
  const stem = key.replace(/\.(one|other)$/, '');
  const family = key.slice(0, key.indexOf('.') + 1);
  return [`'${key}'`, `'${stem}'`, `\`${family}\${`].some((use) => element.includes(use));
}

/** Of each language's words only those of the element: the pages have four times as many. */
const OWN_WORDS: Plugin = {
  name: 'palco-own-words',
  async load(id) {
    const language = /\/i18n\/(\w\w)\/index\.ts$/.exec(id)?.[1];
    if (language === undefined) return undefined;
    const { module } = await runnerImport<Record<string, Record<string, string>>>(id);
    const own = Object.entries(module[language] ?? {}).filter(([key]) => says(key));
    return `export const ${language} = ${JSON.stringify(Object.fromEntries(own))};`;
  },
};

// What other pages import, at addresses that stay: /sdk/palco.js and /sdk/palco-room.js.
export default defineConfig({
  publicDir: false,
  plugins: [OWN_WORDS, COMPRESS],
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
