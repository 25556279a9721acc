// A forgotten password: asking for the link, and the page that the link leads to (`/reset#token`).

import { useState } from 'preact/hooks';
import { codeOf } from '../../sdk';
import { requestReset, resetPassword } from '../api';
import { t } from '../i18n';
import { Field, Password, valuesOf } from '../parts/field';
import { Card } from '../parts/sign-card';
import type { PageProps } from '../pages';
import { follow, navigate } from '../router';
import { errorText, notify } from '../store';

export function Reset({ hash }: PageProps) {
  return hash === '' ? <Request /> : <Choose token={hash} />;
}

function Request() {
  const [sent, setSent] = useState(false);
  const [refusal, setRefusal] = useState<string | undefined>(undefined);
  return (
    <Card title={t('reset.request.title')} text={t('reset.request.text')} refusal={refusal}>
      {sent ? (
        <p class="banner" role="status" data-testid="reset-sent">
          {t('reset.sent')}
        </p>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const { login = '' } = valuesOf(event.currentTarget);
            setRefusal(undefined);
            requestReset(login.trim()).then(
              () => setSent(true),
              (error: unknown) => setRefusal(errorText(error)),
            );
          }}
        >
          <Field
            label={t('sign.login')}
            name="login"
            required
            autocomplete="username"
            literal
            testId="login-input"
          />
          <button class="button primary wide" data-testid="reset-request">
            {t('reset.request')}
          </button>
        </form>
      )}
      <a class="quiet sign-other" href="/signin" onClick={follow}>
        {t('sign.in')}
      </a>
    </Card>
  );
}

function Choose({ token }: { token: string }) {
  const [refusal, setRefusal] = useState<string | undefined>(undefined);
  const [expired, setExpired] = useState(false);
  const save = async (password: string): Promise<void> => {
    setRefusal(undefined);
    try {
      await resetPassword(token, password);
    } catch (error) {
      const over = codeOf(error) === 'token_expired' || codeOf(error) === 'not_found';
      setExpired(over);
      setRefusal(over ? t('reset.expired') : errorText(error));
      return;
    }
    notify(t('reset.done'));
    // The secret leaves the address with the page.
    navigate('/signin', { replace: true });
  };
  return (
    <Card title={t('reset.title')} refusal={refusal}>
      {expired ? (
        <a class="button primary wide" href="/reset" onClick={follow}>
          {t('reset.again')}
        </a>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const { password = '' } = valuesOf(event.currentTarget);
            void save(password);
          }}
        >
          <Password label={t('reset.new')} name="password" fresh testId="password-input" />
          <button class="button primary wide" data-testid="reset-save">
            {t('reset.save')}
          </button>
        </form>
      )}
    </Card>
  );
}
