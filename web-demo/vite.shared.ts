// What the two builds share: the app's (vite.config.ts) and the SDK's (vite.sdk.config.ts).

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

/** Older ones lack what real-time audio or the styles need. */
export const TARGET = ['chrome111', 'firefox115', 'safari16.4'];

const COMPRESSIBLE = /\.(js|css|html|svg|webmanifest)$/;

/** Beside each file its .br and .gz: compressed once and well here, not for every visitor. */
export const COMPRESS: Plugin = {
  name: 'palco-compress',
  apply: 'build',
  async writeBundle({ dir = 'dist' }) {
    const names = await readdir(dir, { recursive: true });
    await Promise.all(
      names.filter((name) => COMPRESSIBLE.test(name)).map((name) => compress(join(dir, name))),
    );
  },
};

async function compress(path: string): Promise<void> {
  const bytes = await readFile(path);
  const size = { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
  await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes, size));
  await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
}
