import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LOADERS, speak, t, tn, type Language } from '../src/app/i18n';

const load = (code: string): Promise<Readonly<Record<string, string>>> => LOADERS[code as Language]();
const english = await load('en');
const keys = Object.keys(english).sort();
const marks = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map((match) => match[0]).sort();

describe.each(Object.keys(LOADERS).filter((code) => code !== 'en'))('%s', async (code) => {
  const catalogue = await load(code);

  it('has every key, and no other', () => {
    expect(Object.keys(catalogue).sort()).toEqual(keys);
  });

  it('fills in the same values', () => {
    for (const key of keys) {
      expect([key, marks(catalogue[key] ?? '')]).toEqual([key, marks(english[key] ?? '')]);
    }
  });

  it('is translated: sentences differ from the English ones', () => {
    const words = (text: string): boolean => /\S\s+\S/.test(text.replace(/\{\w+\}/g, '').trim());
    const same = keys.filter((key) => words(english[key] ?? '') && catalogue[key] === english[key]);
    expect(keys.filter((key) => words(english[key] ?? '')).length).toBeGreaterThan(100);
    expect(same).toEqual([]);
  });
});

it('has no key that no page uses', () => {
  const sources = readdirSync(new URL('../src/app', import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.startsWith('i18n'))
    .map((name) => readFileSync(new URL(`../src/app/${name}`, import.meta.url), 'utf8'))
    .join('\n');
  // Keys made from a code or a role: `error.${…}` and the like.
  const made = [...sources.matchAll(/`([a-z.]+\.)\$\{/g)].map((match) => match[1] ?? '');
  const unused = keys.filter((key) => {
    const stem = key.replace(/\.(one|other)$/, '');
    return (
      !sources.includes(`'${key}'`) &&
      !sources.includes(`'${stem}'`) &&
      !made.some((start) => key.startsWith(start))
    );
  });
  expect(made).toContain('error.');
  expect(unused).toEqual([]);
});

it('fills in, counts and falls back in the chosen language', async () => {
  await speak('en');
  expect(t('entry.join', { name: 'Ada' })).toBe('Listen as Ada');
  expect([tn('count.listeners', 1), tn('count.listeners', 12_345)]).toEqual([
    '1 listener',
    '12,345 listeners',
  ]);
  await speak('fr');
  expect([tn('count.hands', 0), tn('count.hands', 2)]).toEqual(['0 main levée', '2 mains levées']);
  // French has a form for millions that the catalogue leaves to the general one.
  expect(tn('count.people', 1_000_000)).toMatch(/personnes$/);
  await speak('en');
});
