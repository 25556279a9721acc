// A labelled input with its hint, read out together; and the password that can be looked at.

import type { ComponentChildren, Ref } from 'preact';
import { useId, useState } from 'preact/hooks';
import { t } from '../i18n';
import { Icon } from './icon';

interface FieldProps {
  label: string;
  name: string;
  hint?: string | undefined;
  type?: string;
  required?: boolean;
  disabled?: boolean;
  autocomplete?: string;
  /** What is typed is no prose: nothing is corrected or begins large. */
  literal?: boolean;
  inputMode?: 'numeric';
  pattern?: string;
  min?: number;
  minLength?: number | undefined;
  maxLength?: number;
  placeholder?: string;
  defaultValue?: string | number | undefined;
  onInput?: (value: string) => void;
  testId: string;
  inputRef?: Ref<HTMLInputElement>;
  /** Within the input's box, after it. */
  after?: ComponentChildren;
}

export function Field({ label, hint, testId, after, literal, onInput, inputRef, ...input }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      <div class={after === undefined ? undefined : 'field-box'}>
        <input
          {...(input as object)}
          {...(literal ? { autocapitalize: 'none', spellcheck: false } : {})}
          ref={inputRef ?? null}
          id={id}
          aria-describedby={hint === undefined ? undefined : `${id}-hint`}
          onInput={(event) => onInput?.(event.currentTarget.value)}
          data-testid={testId}
        />
        {after}
      </div>
      {hint !== undefined && (
        <p class="quiet small" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** As the server limits it. */
const PASSWORD_MIN_CHARS = 8;
const PASSWORD_MAX_CHARS = 200;

interface PasswordProps {
  label: string;
  name: string;
  /** Whether it is chosen here, or the one there is. */
  fresh: boolean;
  testId: string;
}

export function Password({ label, name, fresh, testId }: PasswordProps) {
  const [shown, setShown] = useState(false);
  return (
    <Field
      label={label}
      name={name}
      type={shown ? 'text' : 'password'}
      required
      autocomplete={fresh ? 'new-password' : 'current-password'}
      literal
      minLength={fresh ? PASSWORD_MIN_CHARS : undefined}
      maxLength={PASSWORD_MAX_CHARS}
      hint={fresh ? t('sign.password.hint', { min: PASSWORD_MIN_CHARS }) : undefined}
      testId={testId}
      after={
        <button
          type="button"
          class="field-after"
          aria-label={t(shown ? 'sign.password.hide' : 'sign.password.show')}
          onClick={() => setShown(!shown)}
        >
          <Icon name={shown ? 'eyeOff' : 'eye'} />
        </button>
      }
    />
  );
}

/** What a form holds, by the names of its fields. */
export function valuesOf(form: HTMLFormElement): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of new FormData(form)) if (typeof value === 'string') values[name] = value;
  return values;
}
