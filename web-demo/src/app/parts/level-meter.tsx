// How loud the microphone is, drawn without a redraw of anything else.

import { useEffect, useRef, useState } from 'preact/hooks';
import { loudness } from '../../sdk';
import { t } from '../i18n';
import { palco } from '../store';

/** Loudness (0 to 1) of a voice, above that of a quiet room. */
const HEARD = 0.4;

export function LevelMeter() {
  const bar = useRef<HTMLSpanElement>(null);
  const [heard, setHeard] = useState(false);
  useEffect(
    () =>
      palco.microphone.on('level', (level) => {
        const loud = loudness(level);
        bar.current?.style.setProperty('--level', String(loud));
        if (loud >= HEARD) setHeard(true);
      }),
    [],
  );
  return (
    <div class="meter-box">
      <span class="meter" role="img" aria-label={t('mic.level')}>
        <span ref={bar} />
      </span>
      <p role="status" class={heard ? 'good' : ''} data-testid="mic-heard" data-heard={heard}>
        {heard ? t('mic.good') : t('mic.speak')}
      </p>
    </div>
  );
}
