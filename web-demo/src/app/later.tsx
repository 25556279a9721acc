// What few open first is fetched when it is opened: a script (and its styles) of its own.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
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
      load().then(
        (fetched) => {
          loaded = fetched;
          setPage({ is: fetched });
        },
        () => setPage('failed'),
      );
    }, []);
    useEffect(() => {
      if (page !== undefined) pageArrived();
    }, [page]);
    // The server is away, or it was updated and no longer has this page's scripts.
    if (page === 'failed') return <Over reason="unreachable" again={() => location.reload()} />;
    return page ? <page.is {...props} /> : <main id="main" aria-busy="true" />;
  };
}
