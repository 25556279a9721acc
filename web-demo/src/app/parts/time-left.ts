// How long until then, in words, as time passes.

import { useEffect, useState } from 'preact/hooks';
import { t, tn } from '../i18n';

const MINUTE_MS = 60_000;
/** Often enough for minutes, which a screen reader is told again only when they change. */
const REFRESH_MS = 5_000;

/** `until`: by `Date.now`. */
export function useTimeLeft(until: number): string {
  const [left, setLeft] = useState(() => until - Date.now());
  useEffect(() => {
    const timer = setInterval(() => setLeft(until - Date.now()), REFRESH_MS);
    return () => clearInterval(timer);
  }, [until]);
  const minutes = Math.floor(left / MINUTE_MS);
  return minutes < 1 ? t('hand.minute.less') : tn('hand.minutes', minutes);
}
