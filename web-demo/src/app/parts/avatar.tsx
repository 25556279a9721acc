// A person's picture, or initials on a colour that is always theirs.

import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Person } from '../../sdk';

const COLOURS = 10;

/** Where pictures are, for a page of another origin than the server's. */
export const PictureOrigin = createContext('');

/** Stable across visits and devices: from the id alone. FNV-1a (32 bits). */
export function colourOf(id: string): number {
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash % COLOURS;
}

/** Of the first and the last word; whole characters, whatever the script. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/);
  const last = words.length > 1 ? firstOf(words.at(-1) ?? '') : '';
  return (firstOf(words[0] ?? '') + last).toLocaleUpperCase();
}

/** Firefox has it from 125 on; without it, an emoji of several parts loses some. One for all: it is dear to make. */
const characters = 'Segmenter' in Intl ? new Intl.Segmenter() : undefined;

function firstOf(word: string): string {
  if (!characters) return String.fromCodePoint(word.codePointAt(0) ?? 0x20);
  return characters.segment(word).containing(0)?.segment ?? '';
}

export function Avatar({ person, size = 'm' }: { person: Person; size?: 'xs' | 's' | 'm' | 'l' | 'xl' }) {
  const origin = useContext(PictureOrigin);
  return (
    <span class={`avatar avatar-${size} tint-${colourOf(person.id)}`} aria-hidden="true">
      {person.avatar === undefined ? (
        initialsOf(person.name)
      ) : (
        <img src={origin + person.avatar} alt="" loading="lazy" />
      )}
    </span>
  );
}
