// How many whole minutes are left until then, as time passes.

import { useEffect, useState } from 'preact/hooks';

const MINUTE_MS = 60_000;
/** Often enough for minutes, which a screen reader is told again only when they change. */
const REFRESH_MS = 5_000;

/** `until`: by `Date.now`. */
export function useMinutesLeft(until: number): number {
  const [left, setLeft] = useState(() => until - Date.now());
  useEffect(() => {
    const timer = setInterval(() => setLeft(until - Date.now()), REFRESH_MS);
    return () => clearInterval(timer);
  }, [until]);
  return Math.floor(left / MINUTE_MS);
}
