// What a first visit downloads, compressed: fails when the script is over its budget.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const SCRIPT_BUDGET_BYTES = 150_000;
const assets = new URL('../dist/assets/', import.meta.url);
const totals = { js: 0, css: 0 };
for (const name of readdirSync(assets)) {
  const kind = name.slice(name.lastIndexOf('.') + 1);
  if (kind in totals) totals[kind] += gzipSync(readFileSync(new URL(name, assets)), { level: 9 }).length;
}
console.log(`script ${totals.js} bytes, style ${totals.css} bytes (gzip)`);
if (totals.js === 0) throw new Error('no script in dist/assets: run the build first');
if (totals.js > SCRIPT_BUDGET_BYTES) {
  console.error(`script is over its budget of ${SCRIPT_BUDGET_BYTES} bytes`);
  process.exit(1);
}
