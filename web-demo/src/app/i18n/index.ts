// Words in the reader's language. Keys and what they need filled in are checked by the compiler.

import { computed, effect, signal } from '@preact/signals';
import { en } from './en';
import { fr } from './fr';
import { it } from './it';

export type Key = keyof typeof en;
export type Catalogue = Readonly<Record<Key, string>>;

export const CATALOGUES = { en, it, fr } satisfies Record<string, Catalogue>;
export type Language = keyof typeof CATALOGUES;
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

function preferred(): Language {
  const wishes = [localStorage.getItem(STORED) ?? '', ...navigator.languages];
  for (const wish of wishes) {
    const language = wish.slice(0, 2).toLowerCase();
    if (isLanguage(language)) return language;
  }
  return 'en';
}

function isLanguage(text: string): text is Language {
  return Object.hasOwn(CATALOGUES, text);
}

export const language = signal<Language>(typeof localStorage === 'undefined' ? 'en' : preferred());

if (typeof document !== 'undefined') {
  effect(() => {
    document.documentElement.lang = language.value;
  });
}

export function chooseLanguage(choice: Language): void {
  localStorage.setItem(STORED, choice);
  language.value = choice;
}

const plurals = computed(() => new Intl.PluralRules(language.value));
const numbers = computed(() => new Intl.NumberFormat(language.value));

/** The text of a key; components that call it are drawn again when the language changes. */
export function t<K extends Key>(key: K, ...[values]: Arguments<K>): string {
  return fill(CATALOGUES[language.value][key], values ?? {});
}

/** The text for so many, in the language's plural forms. */
export function tn(stem: PluralStem, count: number): string {
  const catalogue: Readonly<Record<string, string>> = CATALOGUES[language.value];
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
