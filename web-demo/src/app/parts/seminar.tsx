// What a seminar adds to a planned room: registration, places, an end.

import type { Scheduled } from '../../sdk';
import { t } from '../i18n';
import { formatDuration, HOUR_MS, MINUTE_MS } from '../i18n/dates';
import { Field } from './field';

const DURATIONS_MS = [
  15 * MINUTE_MS,
  30 * MINUTE_MS,
  45 * MINUTE_MS,
  HOUR_MS,
  90 * MINUTE_MS,
  2 * HOUR_MS,
  3 * HOUR_MS,
  6 * HOUR_MS,
];

export function Seminar({ plan }: { plan: Scheduled | undefined }) {
  const set =
    plan !== undefined &&
    (plan.registration_required || plan.capacity !== undefined || plan.max_duration_ms !== undefined);
  const duration = plan?.max_duration_ms ?? 0;
  // One that was set by other means stays a choice.
  const durations =
    duration === 0 || DURATIONS_MS.includes(duration) ? DURATIONS_MS : [...DURATIONS_MS, duration];
  return (
    <details class="more-fields" open={set}>
      <summary data-testid="seminar">{t('start.seminar')}</summary>
      <label class="switch">
        <span>
          {t('start.registration')}
          <small>{t('start.registration.hint')}</small>
        </span>
        <input
          type="checkbox"
          role="switch"
          name="registration"
          defaultChecked={plan?.registration_required === true}
          data-testid="registration"
        />
      </label>
      <div class="form-pair">
        <Field
          label={t('start.capacity')}
          name="capacity"
          type="number"
          inputMode="numeric"
          min={1}
          placeholder={t('start.unlimited')}
          defaultValue={plan?.capacity ?? ''}
          testId="capacity"
        />
        <label class="field">
          <span>{t('start.duration')}</span>
          <select name="duration" data-testid="duration">
            <option value="0">{t('start.unlimited')}</option>
            {durations.map((ms) => (
              <option key={ms} value={ms} selected={ms === duration}>
                {formatDuration(ms)}
              </option>
            ))}
          </select>
        </label>
      </div>
    </details>
  );
}
