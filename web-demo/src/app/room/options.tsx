// For moderators: what the room says of itself, its lock, its pinned link.

import { useState } from 'preact/hooks';
import { LIMITS, type RoomState } from '../../sdk';
import { t } from '../i18n';
import { Dialog } from '../parts/dialog';
import { attempt, member, notify, owns, palco } from '../store';
import { InvitePeople } from './call-in';

export function Options({ state, onClose }: { state: RoomState; onClose: () => void }) {
  const { room } = state;
  const [title, setTitle] = useState(room.title);
  const [description, setDescription] = useState(room.description);
  const [url, setUrl] = useState(room.pinned_link ?? '');
  const save = async (): Promise<void> => {
    if (await attempt(() => palco.updateRoom({ title: title.trim(), description: description.trim() }))) {
      notify(t('options.saved'));
    }
  };
  return (
    <Dialog title={t('options.title')} onClose={onClose} testId="options">
      {owns.value && member.value && <InvitePeople room={room} />}
      <label class="switch">
        <span>
          {t('options.lock')}
          <small>{t('options.lock.hint')}</small>
        </span>
        <input
          type="checkbox"
          role="switch"
          checked={room.locked}
          onChange={() => void attempt(room.locked ? palco.unlock : palco.lock)}
          data-testid="lock-room"
        />
      </label>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label class="field">
          <span>{t('options.edit')}</span>
          <input
            required
            maxLength={LIMITS.titleMaxChars}
            value={title}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>{t('options.description')}</span>
          <textarea
            rows={2}
            maxLength={LIMITS.descriptionMaxChars}
            value={description}
            onInput={(event) => setDescription(event.currentTarget.value)}
          />
        </label>
        <button class="button wide">{t('options.save')}</button>
      </form>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void attempt(() => palco.pinLink(url.trim())).then((done) => done && notify(t('options.saved')));
        }}
      >
        <label class="field">
          <span>{t('pin.set')}</span>
          <input
            required
            type="url"
            placeholder={'https://'}
            value={url}
            onInput={(event) => setUrl(event.currentTarget.value)}
            data-testid="pin-input"
          />
        </label>
        <div class="actions-row">
          <button class="button" data-testid="pin-save">
            {t('pin.save')}
          </button>
          {room.pinned_link !== undefined && (
            <button
              type="button"
              class="button plain"
              onClick={() => {
                setUrl('');
                void attempt(() => palco.pinLink());
              }}
            >
              {t('pin.remove')}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}
