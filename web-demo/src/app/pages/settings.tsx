// Settings of this device and of one's account, a card each.

import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import * as api from '../api';
import { t } from '../i18n';
import type { PageProps } from '../pages';
import { PageFrame } from '../parts/page';
import { PeopleList, PersonLink } from '../parts/people';
import { AppearanceSettings, SoundSettings } from '../parts/settings';
import { attempt, member, notify } from '../store';
import { Data, Email, PasswordChange } from '../settings/account';
import { NotificationSettings } from '../settings/notifications';
import '../styles/forms.css';

export function SettingsPage({ hash }: PageProps) {
  useEffect(() => {
    // The sections are drawn after the browser looked for the one in the address.
    if (hash !== '') document.getElementById(hash)?.scrollIntoView();
  }, [hash]);
  return (
    <PageFrame title={t('settings.title')}>
      <Section id="appearance" title={t('account.appearance')}>
        <AppearanceSettings />
      </Section>
      <Section id="sound" title={t('account.sound')}>
        <SoundSettings />
      </Section>
      {member.value && <ForAccount key={member.value.id} />}
    </PageFrame>
  );
}

function ForAccount() {
  return (
    <>
      <Section id="notifications" title={t('prefs.title')}>
        <NotificationSettings />
      </Section>
      <Section id="account" title={t('account.title')}>
        <Email />
      </Section>
      <Section id="password" title={t('account.password')}>
        <PasswordChange />
      </Section>
      <Section id="blocks" title={t('account.blocks')}>
        <Blocks />
      </Section>
      <Section id="data" title={t('account.data')}>
        <Data />
      </Section>
    </>
  );
}

function Section({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="card form-card" id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </section>
  );
}

function Blocks() {
  return (
    <>
      <p class="quiet small">{t('account.blocks.hint')}</p>
      <PeopleList
        what="blocks"
        read={api.blockedPeople}
        empty={t('account.blocks.none')}
        row={({ person }, gone) => (
          <li key={person.id} class="person-row" data-testid="blocked">
            <PersonLink person={person}>
              <small class="quiet">{`@${person.handle ?? ''}`}</small>
            </PersonLink>
            <button
              type="button"
              class="button"
              onClick={() => {
                void attempt(() => api.unblock(person.id)).then((done) => {
                  if (!done) return;
                  notify(t('profile.unblocked', { name: person.name }));
                  gone();
                });
              }}
            >
              {t('profile.unblock')}
            </button>
          </li>
        )}
      />
    </>
  );
}
