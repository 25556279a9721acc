// Which page an address shows: one line a page. The way into a room is at hand with the first script;
// pages that few open first are fetched when they are opened (`later`).

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Hallway } from './pages/hallway';
import { Over } from './pages/over';
import { RoomPage } from './pages/room';
import { match, type Address } from './router';

export interface PageProps extends Address {
  /** The values of the pattern's `:names`. */
  params: Record<string, string>;
}

type Page = ComponentType<PageProps>;

const PAGES: [pattern: string, page: Page][] = [
  ['/', Hallway],
  ['/r/:room', RoomPage],
];

export function pageOf(address: Address): { Page: Page; params: Record<string, string> } {
  for (const [pattern, page] of PAGES) {
    const params = match(pattern, address.path);
    if (params) return { Page: page, params };
  }
  return { Page: () => <Over reason="notfound" />, params: {} };
}

/** A page in a script of its own. */
export function later(load: () => Promise<Page>): Page {
  let loaded: Page | undefined;
  return function Later(props: PageProps) {
    const [page, setPage] = useState<{ is: Page } | 'failed' | undefined>(loaded && { is: loaded });
    useEffect(() => {
      if (loaded) return;
      load().then(
        (fetched) => {
          loaded = fetched;
          setPage({ is: fetched });
        },
        () => setPage('failed'),
      );
    }, []);
    // The server is away, or it was updated and no longer has this page's scripts.
    if (page === 'failed') return <Over reason="unreachable" again={() => location.reload()} />;
    return page ? <page.is {...props} /> : <main id="main" aria-busy="true" />;
  };
}
