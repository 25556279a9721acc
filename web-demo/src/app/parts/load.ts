// What a page reads from the server: nothing yet, the answer, or why there is none.

import { useEffect, useState } from 'preact/hooks';

export interface Loaded<Value> {
  value?: Value;
  failure?: unknown;
  /** Puts what a request answered in the place of what was read. */
  set: (value: Value) => void;
  /** Reads once more, what is shown staying until then. */
  again: () => void;
}

/** Reads when the page opens, and anew when `what` (an address, a person) changes; an answer for another one is late and dropped. */
export function useLoad<Value>(what: string, read: () => Promise<Value>): Loaded<Value> {
  const [state, setState] = useState<{ what: string; value?: Value; failure?: unknown }>({ what });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let late = false;
    read().then(
      (value) => late || setState({ what, value }),
      (failure: unknown) => late || setState((before) => ({ ...before, what, failure })),
    );
    return () => {
      late = true;
    };
  }, [what, round]);
  const current = state.what === what ? state : { what };
  return {
    ...current,
    set: (value) => setState({ what, value }),
    again: () => setRound((before) => before + 1),
  };
}
