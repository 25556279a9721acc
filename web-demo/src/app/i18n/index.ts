// Words in the reader's language. Keys and what they need filled in are checked by the compiler.

import { computed, effect, signal } from '@preact/signals';
import { keep, kept } from '../device';
import { en } from './en';

export type Key = keyof typeof en;
export type Catalogue = Readonly<Record<Key, string>>;

/** English is at hand, the others are fetched when they are chosen. */
export const LOADERS = {
  en: () => Promise.resolve<Catalogue>(en),
  it: () => import('./it').then((module): Catalogue => module.it),
  fr: () => import('./fr').then((module): Catalogue => module.fr),
} satisfies Record<string, () => Promise<Catalogue>>;
export type Language = keyof typeof LOADERS;
/** Each in its own words. */
export const LANGUAGES: Record<Language, string> = { en: 'English', it: 'Italiano', fr: 'Français' };

type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;
type Values<K extends Key> = Record<Names<(typeof en)[K]>, string | number>;
type Arguments<K extends Key> = [Names<(typeof en)[K]>] extends [never] ? [] : [values: Values<K>];

type Plural<K extends Key> = K extends `${infer Stem}.other` ? Stem : never;
export type PluralStem = Plural<Key>;

const STORED = 'palco.language';

/** The first of the wishes (`it-CH`, `fr`) that there are words for. */
export function preferred(wishes: readonly string[]): Language {
  for (const wish of wishes) {
    const code = wish.slice(0, 2).toLowerCase();
    if (isLanguage(code)) return code;
  }
  return 'en';
}

function isLanguage(text: string): text is Language {
  return Object.hasOwn(LOADERS, text);
}

/** The language and its words change together: no page is half in one and half in another. */
const chosen = signal<{ language: Language; words: Catalogue }>({ language: 'en', words: en });
export const language = computed(() => chosen.value.language);

/** The page's first words; without the catalogue (the network went away) they are English. */
export async function startLanguage(): Promise<void> {
  await speak(preferred([kept(STORED) ?? '', ...navigator.languages])).catch(() => undefined);
  effect(() => {
    document.documentElement.lang = language.value;
  });
  // Chosen in another tab: this one follows.
  addEventListener('storage', ({ key, newValue }) => {
    if (key === STORED && isLanguage(newValue ?? '')) void speak(newValue as Language).catch(() => undefined);
  });
}

export async function chooseLanguage(choice: Language): Promise<void> {
  await speak(choice);
  keep(STORED, choice);
}

export async function speak(choice: Language): Promise<void> {
  const words = await LOADERS[choice]();
  chosen.value = { language: choice, words };
}

const plurals = computed(() => new Intl.PluralRules(language.value));
const numbers = computed(() => new Intl.NumberFormat(language.value));

/** The text of a key; components that call it are drawn again when the language changes. */
export function t<K extends Key>(key: K, ...[values]: Arguments<K>): string {
  return fill(chosen.value.words[key], values ?? {});
}

export function hasWords(key: string): key is Key {
  return Object.hasOwn(en, key);
}

/** The text for so many, in the language's plural forms. */
export function tn(stem: PluralStem, count: number): string {
  const catalogue: Readonly<Record<string, string>> = chosen.value.words;
  const form = catalogue[`${stem}.${plurals.value.select(count)}`] ?? catalogue[`${stem}.other`] ?? '';
  return fill(form, { count: numbers.value.format(count) });
}

export function formatNumber(value: number): string {
  return numbers.value.format(value);
}

/** `Ada, Grace and Alan`. */
export function formatList(items: string[]): string {
  return new Intl.ListFormat(language.value, { type: 'conjunction' }).format(items);
}

function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : String(value);
  });
}
