// What one wants to be told of, when not, and whether this browser tells it while it is closed.

import { useEffect, useState } from 'preact/hooks';
import type { NoticeKind, NoticePreferences, QuietHours } from '../../sdk';
import * as api from '../api';
import { formatNumber, t } from '../i18n';
import { useLoad } from '../parts/load';
import { attempt, errorText } from '../store';
import { pushState, startPush, stopPush, type PushState } from './push';

const KINDS = [
  'live',
  'scheduled',
  'invited',
  'pinged',
  'reminder',
  'late',
  'cancelled',
  'followed',
] as const satisfies readonly NoticeKind[];

const HOURLY = [1, 3, 6, 12, 30, 60];

export function NotificationSettings() {
  const { value, failure, set } = useLoad('preferences', api.preferences);
  if (failure !== undefined && !value) return <p class="banner banner-bad">{errorText(failure)}</p>;
  if (!value) return <div class="skeleton" aria-busy="true" />;
  // Kept at once; a refusal takes the change back.
  const change = (wanted: NoticePreferences): void => {
    set(wanted);
    void attempt(() => api.setPreferences(wanted)).then((done) => done || set(value));
  };
  const { off } = value;
  return (
    <>
      <fieldset class="field switches">
        <legend>{t('prefs.kinds')}</legend>
        {KINDS.map((kind) => (
          <label key={kind} class="switch">
            <span>{t(`prefs.kind.${kind}`)}</span>
            <input
              type="checkbox"
              role="switch"
              checked={!off.includes(kind)}
              onChange={(event) =>
                change({
                  ...value,
                  off: event.currentTarget.checked ? off.filter((one) => one !== kind) : [...off, kind],
                })
              }
              data-testid={`kind-${kind}`}
            />
          </label>
        ))}
      </fieldset>
      <Quiet quiet={value.quiet} onChange={(quiet) => change(withQuiet(value, quiet))} />
      <label class="field">
        <span>{t('prefs.hourly')}</span>
        <select
          value={value.hourly_max}
          onChange={(event) => change({ ...value, hourly_max: Number(event.currentTarget.value) })}
        >
          {[...new Set([...HOURLY, value.hourly_max])]
            .sort((a, b) => a - b)
            .map((count) => (
              <option key={count} value={count}>
                {formatNumber(count)}
              </option>
            ))}
        </select>
        <small class="quiet">{t('prefs.hourly.hint')}</small>
      </label>
      <Push />
    </>
  );
}

function withQuiet(preferences: NoticePreferences, quiet: QuietHours | undefined): NoticePreferences {
  const { off, hourly_max } = preferences;
  return { off, hourly_max, ...(quiet === undefined ? {} : { quiet }) };
}

function Quiet({
  quiet,
  onChange,
}: {
  quiet: QuietHours | undefined;
  onChange: (quiet: QuietHours | undefined) => void;
}) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const time = (name: 'from' | 'to') => (
    <label class="field">
      <span>{t(`prefs.quiet.${name}`)}</span>
      <input
        type="time"
        required
        value={quiet?.[name]}
        onChange={(event) => {
          const value = event.currentTarget.value;
          if (quiet && value !== '') onChange({ ...quiet, [name]: value.slice(0, 5) });
        }}
      />
    </label>
  );
  return (
    <div class="stack">
      <label class="switch">
        <span>
          {t('prefs.quiet')}
          <small>{t('prefs.quiet.hint')}</small>
        </span>
        <input
          type="checkbox"
          role="switch"
          checked={quiet !== undefined}
          onChange={(event) =>
            onChange(event.currentTarget.checked ? { from: '22:00', to: '07:00', zone } : undefined)
          }
          data-testid="quiet-hours"
        />
      </label>
      {quiet && (
        <>
          <div class="form-pair">
            {time('from')}
            {time('to')}
          </div>
          <p class="quiet small">{t('prefs.quiet.zone', { zone: quiet.zone })}</p>
        </>
      )}
    </div>
  );
}

function Push() {
  const [state, setState] = useState<PushState | undefined>(undefined);
  useEffect(() => {
    let late = false;
    void pushState().then((now) => late || setState(now));
    return () => {
      late = true;
    };
  }, []);
  const possible = state === 'on' || state === 'off' || state === 'failed' || state === 'denied';
  return (
    <div class="stack">
      <label class="switch">
        <span>
          {t('push.label')}
          <small>{t('push.hint')}</small>
        </span>
        <input
          type="checkbox"
          role="switch"
          checked={state === 'on'}
          disabled={!possible}
          onChange={(event) => {
            void (event.currentTarget.checked ? startPush() : stopPush()).then(setState);
          }}
          data-testid="push"
        />
      </label>
      {state !== undefined && state !== 'on' && state !== 'off' && (
        <p class={state === 'denied' || state === 'failed' ? 'banner banner-bad' : 'banner'} role="status">
          {t(`push.${state}`)}
        </p>
      )}
    </div>
  );
}
