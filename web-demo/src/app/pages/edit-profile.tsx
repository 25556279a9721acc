// Editing one's own profile.

import { useRef, useState } from 'preact/hooks';
import { codeOf, LIMITS, takenOf, type Account } from '../../sdk';
import * as api from '../api';
import { t } from '../i18n';
import { Avatar } from '../parts/avatar';
import { Field, valuesOf } from '../parts/field';
import { Languages } from '../parts/languages';
import { useLoad } from '../parts/load';
import { ForMembers, PageFrame } from '../parts/page';
import { Tags, withTopic } from '../parts/tags';
import { navigate } from '../router';
import { accountIs, attempt, errorText, member, notify, profilePath } from '../store';
import { Over } from './over';
import '../styles/forms.css';

export function EditProfile() {
  return <ForMembers title={t('edit.title')}>{() => <Editor key={member.value?.id} />}</ForMembers>;
}

function Editor() {
  const { value, failure, again } = useLoad('me', api.myAccount);
  if (failure !== undefined && !value) return <Over reason="unreachable" again={again} />;
  return (
    <PageFrame title={t('edit.title')}>
      {value ? <Form account={value} /> : <div class="card form-card skeleton" aria-busy="true" />}
    </PageFrame>
  );
}

function Form({ account }: { account: Account }) {
  const { person, about } = account;
  const [topics, setTopics] = useState(about.topics);
  const [languages, setLanguages] = useState(about.languages);
  const [creator, setCreator] = useState(about.creator);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | undefined>(undefined);

  const save = async (form: HTMLFormElement): Promise<void> => {
    const { name = '', handle = '', headline = '', bio = '', links = '', topic } = valuesOf(form);
    const addresses = links.split(/\s+/).filter((link) => link !== '');
    setRefusal(undefined);
    if (!addresses.every((link) => /^https?:\/\/./i.test(link))) {
      setRefusal(t('edit.links.bad'));
      return;
    }
    setBusy(true);
    try {
      const changed = await api.updateAccount({
        name,
        handle,
        headline,
        bio,
        links: addresses.slice(0, LIMITS.listMax),
        topics: withTopic(topics, topic),
        languages,
        creator,
      });
      accountIs(changed);
      notify(t('edit.saved'));
      navigate(profilePath(changed.person.handle ?? ''));
    } catch (error) {
      const taken = takenOf(error);
      setRefusal(taken === undefined ? errorText(error) : t(`sign.taken.${taken}`));
      setBusy(false);
    }
  };
  return (
    <form
      class="card form-card"
      onSubmit={(event) => {
        event.preventDefault();
        void save(event.currentTarget);
      }}
    >
      <Picture />
      <Field
        label={t('form.name')}
        name="name"
        required
        maxLength={LIMITS.nameMaxChars}
        defaultValue={person.name}
        testId="edit-name"
      />
      <Field
        label={t('sign.handle')}
        hint={t('sign.handle.hint')}
        name="handle"
        required
        pattern="@?[a-zA-Z][a-zA-Z0-9_]{2,19}"
        literal
        defaultValue={person.handle}
        testId="edit-handle"
      />
      <Field
        label={t('edit.headline')}
        hint={t('edit.headline.hint')}
        name="headline"
        maxLength={LIMITS.headlineMaxChars}
        defaultValue={about.headline}
        testId="edit-headline"
      />
      <label class="field">
        <span>{t('edit.bio')}</span>
        <textarea
          name="bio"
          rows={5}
          maxLength={LIMITS.bioMaxChars}
          defaultValue={about.bio}
          data-testid="edit-bio"
        />
      </label>
      <label class="field">
        <span>
          {t('edit.links')}
          <small class="quiet">{t('edit.links.hint', { max: LIMITS.listMax })}</small>
        </span>
        <textarea
          name="links"
          rows={2}
          inputMode="url"
          spellcheck={false}
          placeholder={'https://'}
          defaultValue={about.links.join('\n')}
          data-testid="edit-links"
        />
      </label>
      <Tags label={t('edit.topics')} tags={topics} onChange={setTopics} testId="edit-topics" />
      <Languages label={t('edit.languages')} chosen={languages} onChange={setLanguages} />
      <label class="switch">
        <span>
          {t('edit.creator')}
          <small>{t('edit.creator.hint')}</small>
        </span>
        <input
          type="checkbox"
          role="switch"
          checked={creator}
          onChange={(event) => setCreator(event.currentTarget.checked)}
          data-testid="edit-creator"
        />
      </label>
      {refusal !== undefined && (
        <p class="banner banner-bad" role="alert" data-testid="edit-refused">
          {refusal}
        </p>
      )}
      <button class="button primary wide" aria-disabled={busy} data-testid="edit-save">
        {t('edit.save')}
      </button>
    </form>
  );
}

/** The picture is kept as soon as it is chosen; it is no part of the form. */
function Picture() {
  const input = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const person = member.value;
  if (!person) return null;

  const choose = async (picture: File): Promise<void> => {
    if (picture.size > LIMITS.avatarMaxBytes) {
      notify(t('edit.avatar.large'), true);
      return;
    }
    setBusy(true);
    try {
      accountIs(await api.setAvatar(picture));
    } catch (error) {
      notify(codeOf(error) === 'invalid_field' ? t('edit.avatar.bad') : errorText(error), true);
    }
    setBusy(false);
  };
  const remove = (): void => {
    void attempt(async () => {
      await api.removeAvatar();
      accountIs(await api.myAccount());
    });
  };
  return (
    <div class="picture" aria-busy={busy}>
      <Avatar person={person} size="xl" />
      <div class="stack">
        <div class="actions-row">
          <button
            type="button"
            class="button"
            aria-disabled={busy}
            onClick={() => input.current?.click()}
            data-testid="choose-avatar"
          >
            {t('edit.avatar.choose')}
          </button>
          {person.avatar !== undefined && (
            <button type="button" class="button plain" onClick={remove} data-testid="remove-avatar">
              {t('edit.avatar.remove')}
            </button>
          )}
        </div>
        <p class="quiet small">{t('edit.avatar.hint')}</p>
      </div>
      <input
        ref={input}
        type="file"
        accept="image/png,image/jpeg,image/webp"
        hidden
        aria-label={t('edit.avatar')}
        onChange={(event) => {
          const picture = event.currentTarget.files?.[0];
          event.currentTarget.value = '';
          if (picture) void choose(picture);
        }}
        data-testid="avatar-file"
      />
    </div>
  );
}
