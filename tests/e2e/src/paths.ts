// Where things are, from the compiled file's place: tests/e2e/build/.

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../..', import.meta.url));
const results = fileURLToPath(new URL('../test-results', import.meta.url));

/** A file for people to look at; never read by a test. */
export async function resultFile(name: string): Promise<string> {
  await mkdir(results, { recursive: true });
  return `${results}/${name}`;
}
