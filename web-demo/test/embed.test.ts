// docs/embed.md says nothing that the SDK does not have.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import * as sdk from '../src/sdk';
import { givePage } from './page';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const [, chapter = ''] = read('../../docs/embed.md').split('## The SDK');
/** What stands in `code` within the list of what the client does. */
const said = chapter
  .split('\n## ')
  .slice(0, 1)
  .flatMap((text) => [...text.replace(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)])
  .map(([, code = '']) => code);

it('calls what is there', () => {
  givePage();
  const client = new sdk.Palco({ storage: null });
  const calls = said.flatMap((code) => [...code.matchAll(/(?:(\w+)\.)?(\w+)\(/g)]);
  expect(calls.length).toBeGreaterThan(8);
  const has = (owner: object, name: string): boolean =>
    typeof (owner as Record<string, unknown>)[name] === 'function';
  const missing = calls.filter(([, part, name = '']) => {
    const owner = part === undefined ? client : (client as unknown as Record<string, object>)[part];
    return !has(owner ?? {}, name) && !has(sdk, name);
  });
  client.close();
  expect(missing.map(([call]) => call)).toEqual([]);
});

it('names what is there: members, events, fields and codes', () => {
  const sources = readdirSync(new URL('../src/sdk', import.meta.url)).map((name) =>
    read(`../src/sdk/${name}`),
  );
  const known = new Set([...sources, read('../src/protocol.gen.ts')].join('\n').match(/\w+/g));
  const names = said.filter((code) => /^[a-z]\w+$/i.test(code));
  expect(names.length).toBeGreaterThan(30);
  expect(names.filter((name) => !known.has(name))).toEqual([]);
});
