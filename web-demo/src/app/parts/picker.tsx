// Choosing people: type a few letters of a name, pick, and see who is chosen.

import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Person } from '../../sdk';
import { searchPeople } from '../api';
import { t } from '../i18n';
import { attempt, member } from '../store';
import { Avatar } from './avatar';
import { Icon } from './icon';

/** After the last letter: the server is not asked for every one. */
const PAUSE_MS = 250;

interface PickerProps {
  label: string;
  hint?: string;
  chosen: Person[];
  onChange: (chosen: Person[]) => void;
  max: number;
  testId: string;
}

export function PeoplePicker({ label, hint, chosen, onChange, max, testId }: PickerProps) {
  const [text, setText] = useState('');
  const [found, setFound] = useState<Person[] | undefined>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const wanted = text.trim();

  useEffect(() => {
    setFound(undefined);
    if (wanted === '') return;
    let late = false;
    const timer = setTimeout(() => {
      void attempt(async () => {
        const { people } = await searchPeople(wanted);
        if (!late) setFound(people.map(({ person }) => person));
      });
    }, PAUSE_MS);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [wanted]);

  const offered = found?.filter(
    ({ id }) => id !== member.value?.id && !chosen.some((person) => person.id === id),
  );
  const add = (person: Person): void => {
    onChange([...chosen, person]);
    setText('');
    input.current?.focus();
  };
  const full = chosen.length >= max;
  return (
    <div class="field picker-field" data-testid={testId}>
      <label class="field-label" for={id}>
        {label}
      </label>
      {hint !== undefined && (
        <p class="quiet small" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {chosen.length > 0 && (
        <ul class="chips">
          {chosen.map((person) => (
            <li key={person.id} class="chip chip-person">
              <Avatar person={person} size="xs" />
              <bdi>{person.name}</bdi>
              <button
                type="button"
                class="chip-remove"
                aria-label={t('picker.remove', { name: person.name })}
                onClick={() => {
                  onChange(chosen.filter((other) => other !== person));
                  input.current?.focus();
                }}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <input
        ref={input}
        id={id}
        type="search"
        autocomplete="off"
        disabled={full}
        placeholder={full ? t('picker.full') : t('picker.find')}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          // Enter takes the first one; it does not send the form that this stands in.
          event.preventDefault();
          const first = offered?.[0];
          if (first) add(first);
        }}
        data-testid={`${testId}-input`}
      />
      <div aria-live="polite">
        {offered?.length === 0 && <p class="quiet small">{t('picker.none')}</p>}
        {offered !== undefined && offered.length > 0 && (
          <ul class="picker-found">
            {offered.slice(0, 6).map((person) => (
              <li key={person.id}>
                <button
                  type="button"
                  aria-label={t('picker.add', { name: person.name })}
                  onClick={() => add(person)}
                  data-testid="picker-found"
                >
                  <Avatar person={person} size="xs" />
                  <bdi>{person.name}</bdi>
                  <span class="quiet">{`@${person.handle ?? ''}`}</span>
                  <Icon name="plus" />
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}
