// The reader of a screen hears where a link has led: there the page's heading takes the focus.

let led = false;

/** After a link was followed. */
export function announcePage(): void {
  led = true;
  focusHeading();
}

/** Once a page is there that had to be fetched. Not the first one: the browser reads that by itself. */
export function pageArrived(): void {
  // Somebody may be elsewhere in it by now.
  if (led && !document.activeElement?.closest('main')) focusHeading();
}

export function focusHeading(): void {
  document.querySelector<HTMLElement>('main h1')?.focus();
}
