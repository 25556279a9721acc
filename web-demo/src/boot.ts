// Within the page itself, before the files it names: loads the page again when one of them did not come. Chromium
// aborts what is on its way when the network changes (a phone that leaves the Wi-Fi: ERR_NETWORK_CHANGED), and a
// server that was updated meanwhile no longer has the files of the older page. What came is not fetched again.

/** Kept with the page's place in the history, which outlives a reload. */
interface Kept {
  reloads: number;
}

// No module, so that it runs at once: in a block, its names are its own.
{
  /** With waits of about 0.25, 0.5, 1 and 2 s; then the page says that it did not start. */
  const MAX_RELOADS = 4;
  const FIRST_WAIT_MS = 250;

  const reloads = (history.state as Partial<Kept> | null)?.reloads ?? 0;
  let lost = false;

  /** Where a file of the page's comes from; a browser's extensions put their own into it, and those are refused. */
  const sourceOf = (element: EventTarget | null): string | undefined => {
    if (element instanceof HTMLScriptElement) return element.src;
    return element instanceof HTMLLinkElement && element.rel === 'stylesheet' ? element.href : undefined;
  };

  const onLost = ({ target }: Event): void => {
    const own = sourceOf(target)?.startsWith(`${location.origin}/`);
    if (!own || lost || reloads === MAX_RELOADS) return;
    lost = true;
    const reload = (): void => {
      history.replaceState({ reloads: reloads + 1 } satisfies Kept, '');
      location.reload();
    };
    // Not all at the same moment, if it was the server that went away.
    const waitMs = FIRST_WAIT_MS * 2 ** reloads * (0.5 + Math.random());
    const soon = (): void => void setTimeout(reload, waitMs);
    if (navigator.onLine) soon();
    else addEventListener('online', soon, { once: true });
  };

  // Errors of elements do not bubble.
  addEventListener('error', onLost, { capture: true });
  // All that the page names came, or not; pages that come later look after themselves (app/later.tsx).
  addEventListener('load', () => {
    removeEventListener('error', onLost, { capture: true });
    if (!lost && reloads > 0) history.replaceState(null, '');
  });
}
