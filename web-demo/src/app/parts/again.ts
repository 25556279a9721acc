// Reading what did not come again, by itself. A browser drops all that is under way whenever its network changes (from
// Wi-Fi to mobile, say), so that one failure means little.

/** From one try to the next; the last one for good. */
const WAITS_MS = [250, 1_000, 3_000, 10_000];
/** So many tries in vain are worth a word. */
const TOLD_AFTER = 3;

/**
 * Reads until it comes or is refused, and at once when the browser is online again. `failed` hears of a refusal, and of
 * a network that stays away. Returns how to stop.
 */
export function readOn<Value>(
  read: () => Promise<Value>,
  come: (value: Value) => void,
  failed: (error: unknown) => void,
  refused: (error: unknown) => boolean = () => false,
): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;
  const next = (): void => {
    clearTimeout(timer);
    removeEventListener('online', next);
    read().then(
      (value) => stopped || come(value),
      (error: unknown) => {
        if (stopped) return;
        const final = refused(error);
        if (final || tries + 1 >= TOLD_AFTER) failed(error);
        if (final) return;
        timer = setTimeout(next, WAITS_MS[Math.min(tries, WAITS_MS.length - 1)]);
        addEventListener('online', next);
        tries += 1;
      },
    );
  };
  next();
  return () => {
    stopped = true;
    clearTimeout(timer);
    removeEventListener('online', next);
  };
}
