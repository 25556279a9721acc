// Signing in and signing up: one card each, and back to where one came from.

import { useRef, useState } from 'preact/hooks';
import { codeOf, LIMITS, takenOf } from '../../sdk';
import { t } from '../i18n';
import { Field, Password, valuesOf } from '../parts/field';
import { Card } from '../parts/sign-card';
import type { PageProps } from '../pages';
import { follow, navigate } from '../router';
import { errorText, rememberedName, rememberName, signIn, signUp } from '../store';

/** The server's own rule for handles, for the browser's check. */
const HANDLE = '@?[a-zA-Z][a-zA-Z0-9_]{2,19}';

/** A path of this app, whatever the address says. */
function wayBack(query: URLSearchParams): string {
  const to = query.get('to') ?? '';
  return /^\/(?![/\\])/.test(to) ? to : '/';
}

function inWords(error: unknown): string {
  const taken = takenOf(error);
  if (taken !== undefined) return t(`sign.taken.${taken}`);
  switch (codeOf(error)) {
    case 'wrong_password':
      return t('sign.wrong');
    default:
      return errorText(error);
  }
}

interface Sending {
  busy: boolean;
  refusal: string | undefined;
  send: (action: () => Promise<void>) => void;
}

/** A form that says on the page why it was refused; after it went through, the way back. */
function useSending(query: URLSearchParams): Sending {
  const [state, setState] = useState<{ busy: boolean; refusal?: string }>({ busy: false });
  const send = (action: () => Promise<void>): void => {
    setState({ busy: true });
    action().then(
      () => navigate(wayBack(query), { replace: true }),
      (error: unknown) => {
        setState({ busy: false, refusal: inWords(error) });
        const taken = takenOf(error);
        if (taken !== undefined) document.querySelector<HTMLElement>(`[name="${taken}"]`)?.focus();
      },
    );
  };
  return { busy: state.busy, refusal: state.refusal, send };
}

interface OtherProps {
  to: string;
  question: string;
  answer: string;
  query: URLSearchParams;
}

/** To the other of the two forms, and still back to where one came from. */
function Other({ to, question, answer, query }: OtherProps) {
  const search = query.size === 0 ? '' : `?${query}`;
  return (
    <p class="quiet sign-other">
      {question}{' '}
      <a href={to + search} onClick={follow}>
        {answer}
      </a>
    </p>
  );
}

export function SignIn({ query }: PageProps) {
  const { busy, refusal, send } = useSending(query);
  return (
    <Card title={t('sign.in.title')} text={t('sign.in.text')} refusal={refusal}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const { login = '', password = '' } = valuesOf(event.currentTarget);
          send(() => signIn(login.trim(), password));
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
        <Password label={t('sign.password')} name="password" fresh={false} testId="password-input" />
        <button class="button primary wide" aria-disabled={busy} data-testid="sign-in">
          {busy ? t('sign.in.busy') : t('sign.in')}
        </button>
      </form>
      <a class="quiet sign-other" href="/reset" onClick={follow} data-testid="forgot">
        {t('sign.forgot')}
      </a>
      <Other to="/signup" question={t('sign.in.none')} answer={t('sign.up')} query={query} />
    </Card>
  );
}

/** A handle out of a name, for those who do not care. */
function suggested(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9_ ]/g, '')
    .trim()
    .replace(/ +/g, '_')
    .replace(/^[^a-z]+/, '')
    .slice(0, 20);
}

export function SignUp({ query }: PageProps) {
  const { busy, refusal, send } = useSending(query);
  const handle = useRef<HTMLInputElement>(null);
  const chosen = useRef(false);
  return (
    <Card title={t('sign.up.title')} text={t('sign.up.text')} refusal={refusal}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const { name = '', handle = '', email = '', password = '' } = valuesOf(event.currentTarget);
          rememberName(name.trim());
          send(() =>
            signUp({ name, handle, password, ...(email.trim() === '' ? {} : { email: email.trim() }) }),
          );
        }}
      >
        <Field
          label={t('form.name')}
          name="name"
          required
          autocomplete="name"
          maxLength={LIMITS.nameMaxChars}
          placeholder={t('form.name.placeholder')}
          defaultValue={rememberedName()}
          onInput={(value) => {
            if (!chosen.current && handle.current) handle.current.value = suggested(value);
          }}
          testId="name-input"
        />
        <Field
          label={t('sign.handle')}
          hint={t('sign.handle.hint')}
          name="handle"
          required
          pattern={HANDLE}
          autocomplete="username"
          literal
          defaultValue={suggested(rememberedName())}
          inputRef={handle}
          onInput={() => (chosen.current = true)}
          testId="handle-input"
        />
        <Password label={t('sign.password')} name="password" fresh testId="password-input" />
        <Field
          label={t('sign.email')}
          hint={t('sign.email.hint')}
          name="email"
          type="email"
          autocomplete="email"
          testId="email-input"
        />
        <button class="button primary wide" aria-disabled={busy} data-testid="sign-up">
          {busy ? t('sign.up.busy') : t('sign.up')}
        </button>
      </form>
      <Other to="/signin" question={t('sign.up.have')} answer={t('sign.in')} query={query} />
    </Card>
  );
}
