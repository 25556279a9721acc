// Two pages and their addresses: `/` and `/r/<room>` (with `#<link secret>`).

import { computed, signal } from '@preact/signals';

export type Route = { page: 'hallway' } | { page: 'room'; id: string; link?: string } | { page: 'nowhere' };

export function parse(path: string, hash: string): Route {
  if (path === '/') return { page: 'hallway' };
  const id = /^\/r\/([0-9A-Za-z-]+)\/?$/.exec(path)?.[1];
  if (id === undefined) return { page: 'nowhere' };
  const link = hash.replace(/^#/, '');
  return link === '' ? { page: 'room', id } : { page: 'room', id, link };
}

const address = signal({ path: location.pathname, hash: location.hash });
const read = (): void => {
  address.value = { path: location.pathname, hash: location.hash };
};
addEventListener('popstate', read);
addEventListener('hashchange', read);

export const route = computed(() => parse(address.value.path, address.value.hash));

export function navigate(path: string): void {
  if (path !== location.pathname) history.pushState(null, '', path);
  read();
  scrollTo(0, 0);
}

/** For links within the page: leaves other buttons and keys to the browser. */
export function follow(event: MouseEvent): void {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate((event.currentTarget as HTMLAnchorElement).pathname);
}
