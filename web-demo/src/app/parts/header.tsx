// The head of every page: the way home, search, what is new, and one's account.

import { useState } from 'preact/hooks';
import { t } from '../i18n';
import { address, follow } from '../router';
import { attempt, member, profilePath, signOut } from '../store';
import { Avatar } from './avatar';
import { Bell } from './bell';
import { Icon } from './icon';
import { Menu } from './menu';
import { Settings } from './settings';

/** `live`: on the page of a room one is in, which a link would leave. */
export function Header({ live = false }: { live?: boolean }) {
  const [settings, setSettings] = useState(false);
  const you = member.value;
  return (
    <header class="top">
      <a class="brand" href="/" onClick={follow}>
        <Mark />
        <span>{t('app.name')}</span>
      </a>
      <div class="top-actions">
        {!live && (
          <a class="icon-button" href="/search" onClick={follow} aria-label={t('search.title')}>
            <Icon name="search" />
          </a>
        )}
        {you && <Bell live={live} />}
        {(live || !you) && (
          <button
            type="button"
            class="icon-button"
            aria-label={t('settings.title')}
            data-testid="open-settings"
            onClick={() => setSettings(true)}
          >
            <Icon name="settings" />
          </button>
        )}
        {!live && (you ? <AccountMenu /> : <SignInLink />)}
      </div>
      {settings && <Settings onClose={() => setSettings(false)} />}
    </header>
  );
}

function AccountMenu() {
  const you = member.value;
  if (!you) return null;
  return (
    <Menu label={t('menu.open')} face={<Avatar person={you} size="s" />} testId="account-menu">
      {(close) => {
        const go = (event: MouseEvent): void => {
          close();
          follow(event);
        };
        return (
          <>
            <p class="menu-head">
              <strong>
                <bdi>{you.name}</bdi>
              </strong>
              <span class="quiet">{`@${you.handle ?? ''}`}</span>
            </p>
            <a href={profilePath(you.handle ?? '')} onClick={go} data-testid="menu-profile">
              <Icon name="person" />
              {t('menu.profile')}
            </a>
            <a href="/new" onClick={go} data-testid="menu-start">
              <Icon name="mic" />
              {t('menu.start')}
            </a>
            <a href="/settings" onClick={go} data-testid="menu-settings">
              <Icon name="settings" />
              {t('menu.settings')}
            </a>
            <button
              type="button"
              onClick={() => {
                close();
                void attempt(signOut);
              }}
              data-testid="sign-out"
            >
              <Icon name="leave" />
              {t('sign.out')}
            </button>
          </>
        );
      }}
    </Menu>
  );
}

/** Where one signs in; back here afterwards. */
export function signInAddress(): string {
  const { path } = address.value;
  return path === '/' || path.startsWith('/sign') ? '/signin' : `/signin?to=${encodeURIComponent(path)}`;
}

function SignInLink() {
  return (
    <a class="button sign-in" href={signInAddress()} onClick={follow} data-testid="open-sign-in">
      {t('sign.in')}
    </a>
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
