// What a first visit downloads, compressed: fails when its script is over the budget. Follows the build's manifest,
// so that a page that was made to come later, and then is imported at once, counts again.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const SCRIPT_BUDGET_BYTES = 150_000;
/** The hallway and the room are in the first script; the language is one more. */
const ENTRY = 'index.html';
const LANGUAGES = ['it', 'fr'].map((name) => `src/app/i18n/${name}/index.ts`);

const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));

/** The chunk and all that it imports at once; a name that is gone is a mistake here, not zero bytes. */
function withImports(name, found = new Set()) {
  const chunk = manifest[name];
  if (!chunk) throw new Error(`${name} is not in the build's manifest`);
  if (found.has(chunk)) return found;
  found.add(chunk);
  for (const imported of chunk.imports ?? []) withImports(imported, found);
  return found;
}

const compressed = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
const sum = (files) => [...new Set(files)].reduce((bytes, file) => bytes + compressed(file), 0);

function sizesOf(chunks) {
  const files = [...chunks].flatMap(({ file, css = [] }) => [file, ...css]);
  return {
    script: sum(files.filter((file) => file.endsWith('.js'))),
    style: sum(files.filter((file) => file.endsWith('.css'))),
  };
}

const first = LANGUAGES.map((language) => sizesOf([...withImports(ENTRY), ...withImports(language)])).reduce(
  (a, b) => (a.script > b.script ? a : b),
);
const whole = sizesOf(Object.values(manifest));
console.log(
  `first load: script ${first.script} bytes, style ${first.style} bytes (gzip, with the largest language)`,
);
console.log(`every page: script ${whole.script} bytes, style ${whole.style} bytes`);
if (first.script > SCRIPT_BUDGET_BYTES) {
  console.error(`the first load's script is over its budget of ${SCRIPT_BUDGET_BYTES} bytes`);
  process.exit(1);
}
