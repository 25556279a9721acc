// The head of every page: the way home, and what is always at hand.

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
      <div class="top-actions">
        <button
          type="button"
          class="icon-button"
          aria-label={t('settings.title')}
          data-testid="open-settings"
          onClick={() => setSettings(true)}
        >
          <Icon name="settings" />
        </button>
      </div>
      {settings && <Settings onClose={() => setSettings(false)} />}
    </header>
  );
}

/** A proscenium, and a voice under it. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M4.500 27V15.500a11.500 11.500 0 0 1 23 0V27" />
      <path class="voice" d="M11 19.500v4M16 15.500v11M21 18.500v6" />
    </svg>
  );
}
