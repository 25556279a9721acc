// Somebody with an account, for somebody with an account: their profile, following, blocking. It opens in
// another tab, for the talk goes on in this one.

import { useState } from 'preact/hooks';
import type { Person } from '../../sdk';
import * as api from '../api';
import { t } from '../i18n';
import { useLoad } from '../parts/load';
import { FollowButton } from '../parts/people';
import { attempt, member, notify, profilePath } from '../store';

export function Acquaintance({ person, onDone }: { person: Person; onDone: () => void }) {
  const { value, set } = useLoad(person.id, () => api.profile(person.id));
  const [asking, setAsking] = useState(false);
  if (person.handle === undefined) return null;
  const { between } = value ?? {};
  const { name } = person;
  const block = async (): Promise<void> => {
    if (!(await attempt(() => api.block(person.id)))) return;
    notify(t('profile.blocked', { name }));
    onDone();
  };
  if (asking) {
    return (
      <div class="actions">
        <p role="alert">{t('profile.block.text')}</p>
        <button
          type="button"
          class="button danger wide"
          onClick={() => void block()}
          data-testid="confirm-block"
        >
          {t('profile.block')}
        </button>
        <button type="button" class="button wide" onClick={() => setAsking(false)}>
          {t('app.cancel')}
        </button>
      </div>
    );
  }
  return (
    <div class="actions-row acquaintance">
      {member.value && value && between && (
        <FollowButton
          person={person}
          following={between.you_follow}
          onChange={(following) => set({ ...value, between: { ...between, you_follow: following } })}
        />
      )}
      <a
        class="button"
        href={profilePath(person.handle)}
        target="_blank"
        rel="noopener"
        data-testid="open-profile"
      >
        {t('profile.open')}
      </a>
      {member.value && (
        <button type="button" class="button plain" onClick={() => setAsking(true)} data-testid="block-here">
          {t('profile.block')}
        </button>
      )}
    </div>
  );
}
