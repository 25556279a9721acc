import { useState } from 'preact/hooks';
import { t } from '../i18n';
import { follow } from '../router';
import { Icon } from './icon';
import { Settings } from './settings';

export function Header() {
  const [settings, setSettings] = useState(false);
  return (
    <header class="top">
      <a class="brand" href="/" onClick={follow}>
        <Mark />
        <span>{t('app.name')}</span>
      </a>
      <button
        type="button"
        class="icon-button"
        aria-label={t('settings.title')}
        data-testid="open-settings"
        onClick={() => setSettings(true)}
      >
        <Icon name="settings" />
      </button>
      {settings && <Settings onClose={() => setSettings(false)} />}
    </header>
  );
}

/** A figure on a stage, under a light. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <circle cx="16" cy="11" r="4" />
      <path d="M6 23a10 10 0 0 1 20 0z" />
      <rect x="4" y="25" width="24" height="3" rx="1.500" />
    </svg>
  );
}
