// The app as an installed one: registers the service worker, and is its other half when a push message was tapped.

import { navigate } from './router';
import { palco } from './store';

/** What the worker wants to know before it shows a page, and what it asks of the one it chose. */
export interface Asked {
  where?: true;
  go?: string;
}
export interface Whereabouts {
  path: string;
  /** Somebody is in a room here: the page is left in peace. */
  inRoom: boolean;
}

export function startShell(): void {
  // Development has no built worker.
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  const { serviceWorker } = navigator;
  const register = (): void => void serviceWorker.register('/sw.js').catch(() => undefined);
  // After the page: it is for the next visit. The page may have been loaded while the words were.
  if (document.readyState === 'complete') register();
  else addEventListener('load', register);
  serviceWorker.addEventListener('message', ({ data, ports }: MessageEvent<Asked | undefined>) => {
    if (data?.where) {
      const here: Whereabouts = {
        path: location.pathname,
        inRoom: palco.rememberedRoom !== undefined,
      };
      ports[0]?.postMessage(here);
    }
    if (data?.go !== undefined) navigate(data.go);
  });
}
