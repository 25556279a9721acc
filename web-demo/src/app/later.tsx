// What few open first is fetched when it is opened: a script (and its styles) of its own.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { readOn } from './parts/again';
import { pageArrived } from './parts/heading';
import { Over } from './pages/over';

export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined;
  return function Later(props: Props) {
    const [page, setPage] = useState<{ is: ComponentType<Props> } | 'failed' | undefined>(
      loaded && { is: loaded },
    );
    useEffect(() => {
      if (loaded) return;
      let left = false;
      const stop = readOn(
        () => stylesAgain().then(load),
        (fetched) => {
          loaded = fetched;
          setPage({ is: fetched });
        },
        () => {
          setPage('failed');
          void anewHelps().then((helps) => helps && !left && location.reload());
        },
      );
      return () => {
        left = true;
        stop();
      };
    }, []);
    useEffect(() => {
      if (page !== undefined) pageArrived();
    }, [page]);
    // The server is away; or starting anew did not help.
    if (page === 'failed') return <Over reason="unreachable" again={() => location.reload()} />;
    return page ? <page.is {...props} /> : <main id="main" aria-busy="true" />;
  };
}

/**
 * With the server there: it was updated and no longer has this page's scripts, or this browser (Firefox) remembers that
 * they did not come. Nothing is lost: of this page nothing was shown yet. Once, or it would go round.
 */
async function anewHelps(): Promise<boolean> {
  const [start] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  if (start?.type === 'reload') return false;
  return fetch('/healthz').then(
    ({ ok }) => ok,
    () => false,
  );
}

const lost = new Set<HTMLLinkElement>();
addEventListener(
  'error',
  ({ target }) => {
    if (target instanceof HTMLLinkElement && target.rel === 'stylesheet') lost.add(target);
  },
  true,
);

/** The build's loader asks for a page's styles once: those that did not come are asked for again. */
async function stylesAgain(): Promise<void> {
  const again = [...lost].map((link) => {
    lost.delete(link);
    const next = link.cloneNode() as HTMLLinkElement;
    const arrives = new Promise((resolve, reject) => {
      next.onload = resolve;
      next.onerror = reject;
    });
    link.replaceWith(next);
    return arrives;
  });
  await Promise.all(again);
}
