// Addresses. Which page an address shows is in pages.ts; links within the app go through `follow`.

import { signal } from '@preact/signals';

export interface Address {
  path: string;
  query: URLSearchParams;
  /** Without its `#`. */
  hash: string;
}

function read(): Address {
  return {
    path: location.pathname,
    query: new URLSearchParams(location.search),
    hash: location.hash.replace(/^#/, ''),
  };
}

export const address = signal<Address>(read());
const changed = (): void => {
  address.value = read();
};
addEventListener('popstate', changed);
addEventListener('hashchange', changed);

/** The values of the pattern's `:names` (`/r/:room`, `/@:handle`), or undefined when the path is another one. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.replace(/(?<=.)\/$/, '').split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const value = given[at] ?? '';
    const [before = '', name] = part.split(':');
    if (name === undefined) {
      if (part !== value) return undefined;
    } else if (!value.startsWith(before) || value.length === before.length) return undefined;
    else params[name] = decode(value.slice(before.length));
  }
  return params;
}

/** A malformed escape is taken as it stands: it will be found nowhere. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export interface Navigation {
  /** The way back skips the page that is left. */
  replace?: boolean;
}

/** To a path of this app, with its query and hash. */
export function navigate(to: string, { replace = false }: Navigation = {}): void {
  if (to !== location.pathname + location.search + location.hash) {
    if (replace) history.replaceState(null, '', to);
    else history.pushState(null, '', to);
  }
  changed();
  scrollTo(0, 0);
}

/** For links within the app: leaves other buttons and keys to the browser. */
export function follow(event: MouseEvent): void {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const { pathname, search, hash } = event.currentTarget as HTMLAnchorElement;
  navigate(pathname + search + hash);
}
