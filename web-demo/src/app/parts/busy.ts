// A button that is at work (`aria-disabled`) takes no second tap, and keeps the focus: a disabled one would
// lose it, and whoever is at the keyboard with it.

/** Once, when the page starts. */
export function guardBusyButtons(): void {
  const guard = (event: Event): void => {
    const { target } = event;
    if (!(target instanceof Element) || !target.closest('button[aria-disabled="true"]')) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  // Enter in a form's field is a click on its button too.
  addEventListener('click', guard, { capture: true });
}
