// The account's own settings: the address for a new password, the password, one's data.

import { useState } from 'preact/hooks';
import { codeOf, takenOf } from '../../sdk';
import * as api from '../api';
import { t } from '../i18n';
import { Dialog } from '../parts/dialog';
import { Field, Password, valuesOf } from '../parts/field';
import { useLoad } from '../parts/load';
import { navigate } from '../router';
import { deleteAccount, errorText, notify } from '../store';

/** What a card answers to its own form. */
function Refusal({ text }: { text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <p class="banner banner-bad" role="alert" data-testid="settings-refused">
      {text}
    </p>
  );
}

function inWords(error: unknown): string {
  const taken = takenOf(error);
  if (taken !== undefined) return t(`sign.taken.${taken}`);
  switch (codeOf(error)) {
    case 'wrong_password':
      return t('account.password.wrong');
    default:
      return errorText(error);
  }
}

export function Email() {
  const { value, failure } = useLoad('me', api.myAccount);
  const [refusal, setRefusal] = useState<string | undefined>(undefined);
  if (failure !== undefined) return <Refusal text={errorText(failure)} />;
  return (
    <form
      class="stack"
      aria-busy={!value}
      onSubmit={(event) => {
        event.preventDefault();
        const { email = '' } = valuesOf(event.currentTarget);
        setRefusal(undefined);
        api.updateAccount({ email: email.trim() }).then(
          () => notify(t('account.saved')),
          (error: unknown) => setRefusal(inWords(error)),
        );
      }}
    >
      <Field
        key={value ? 'known' : 'unknown'}
        label={t('account.email')}
        hint={t('account.email.hint')}
        name="email"
        type="email"
        autocomplete="email"
        disabled={!value}
        defaultValue={value?.email ?? ''}
        testId="account-email"
      />
      <Refusal text={refusal} />
      <button class="button" disabled={!value}>
        {t('account.save')}
      </button>
    </form>
  );
}

export function PasswordChange() {
  const [refusal, setRefusal] = useState<string | undefined>(undefined);
  /** A new form after each success: empty, and its passwords hidden again. */
  const [round, setRound] = useState(0);
  return (
    <form
      key={round}
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        const { current = '', fresh = '' } = valuesOf(event.currentTarget);
        setRefusal(undefined);
        api.changePassword({ current, new: fresh }).then(
          () => {
            notify(t('account.password.changed'));
            setRound(round + 1);
          },
          (error: unknown) => setRefusal(inWords(error)),
        );
      }}
    >
      <Password
        label={t('account.password.current')}
        name="current"
        fresh={false}
        testId="password-current"
      />
      <Password label={t('account.password.new')} name="fresh" fresh testId="password-new" />
      <Refusal text={refusal} />
      <button class="button" data-testid="password-change">
        {t('account.password.change')}
      </button>
    </form>
  );
}

export function Data() {
  const [deleting, setDeleting] = useState(false);
  return (
    <>
      <div class="stack">
        <p class="quiet small">{t('account.export.hint')}</p>
        <a class="button" href={api.EXPORT_ADDRESS} download data-testid="export">
          {t('account.export')}
        </a>
      </div>
      <div class="stack">
        <p class="quiet small">{t('account.delete.hint')}</p>
        <button
          type="button"
          class="button danger-soft"
          onClick={() => setDeleting(true)}
          data-testid="delete-account"
        >
          {t('account.delete')}
        </button>
      </div>
      {deleting && <Delete onClose={() => setDeleting(false)} />}
    </>
  );
}

function Delete({ onClose }: { onClose: () => void }) {
  const [refusal, setRefusal] = useState<string | undefined>(undefined);
  const remove = async (password: string): Promise<void> => {
    setRefusal(undefined);
    try {
      await deleteAccount(password);
      navigate('/');
      notify(t('account.deleted'));
    } catch (error) {
      setRefusal(inWords(error));
    }
  };
  return (
    <Dialog title={t('account.delete.title')} onClose={onClose} testId="delete-dialog">
      <p>{t('account.delete.text')}</p>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void remove(valuesOf(event.currentTarget)['password'] ?? '');
        }}
      >
        <Password label={t('sign.password')} name="password" fresh={false} testId="delete-password" />
        <Refusal text={refusal} />
        <button class="button danger wide" data-testid="confirm-delete">
          {t('account.delete.confirm')}
        </button>
        <button type="button" class="button wide" onClick={onClose}>
          {t('app.cancel')}
        </button>
      </form>
    </Dialog>
  );
}
