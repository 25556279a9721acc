// What a page reads from the server: nothing yet, the answer, or why there is none.

import { useEffect, useState } from 'preact/hooks';
import { codeOf } from '../../sdk';
import { readOn } from './again';

export interface Loaded<Value> {
  value?: Value;
  failure?: unknown;
  /** Puts what a request answered in the place of what was read. */
  set: (value: Value) => void;
  /** Reads once more, what is shown staying until then. */
  again: () => void;
}

/** Reads when the page opens, as long as the server is out of reach, and anew when `what` (an address, a person) changes; an answer for another one is late and dropped. */
export function useLoad<Value>(what: string, read: () => Promise<Value>): Loaded<Value> {
  const [state, setState] = useState<{ what: string; value?: Value; failure?: unknown }>({ what });
  const [round, setRound] = useState(0);
  useEffect(() => {
    return readOn(
      read,
      (value) => setState({ what, value }),
      (failure) => setState((before) => ({ ...before, what, failure })),
      (failure) => codeOf(failure) !== 'unreachable',
    );
  }, [what, round]);
  const current = state.what === what ? state : { what };
  return {
    ...current,
    set: (value) => setState({ what, value }),
    again: () => setRound((before) => before + 1),
  };
}
