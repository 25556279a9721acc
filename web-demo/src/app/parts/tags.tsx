// A few words, each a chip: topics, shown or filled in.

import { useId, useRef, useState } from 'preact/hooks';
import { LIMITS } from '../../sdk';
import { t } from '../i18n';
import { follow } from '../router';
import { Icon } from './icon';

/** A topic as the server keeps it. */
function topicOf(text: string): string {
  return text.trim().replace(/^#+/, '').trim().toLowerCase();
}

/** The topics with one more, where it is one. */
export function withTopic(tags: string[], text = ''): string[] {
  const tag = topicOf(text);
  return tag === '' || tags.length >= LIMITS.listMax || tags.includes(tag) ? tags : [...tags, tag];
}

/** Each leads to what else there is on it. */
export function Topics({ topics, className = '' }: { topics: readonly string[]; className?: string }) {
  if (topics.length === 0) return null;
  return (
    <ul class={`chips ${className}`}>
      {topics.map((topic) => (
        <li key={topic}>
          <a class="chip" href={`/search?q=${encodeURIComponent(topic)}`} onClick={follow}>
            <bdi>{`#${topic}`}</bdi>
          </a>
        </li>
      ))}
    </ul>
  );
}

interface TagsProps {
  label: string;
  tags: string[];
  onChange: (tags: string[]) => void;
  testId: string;
}

export function Tags({ label, tags, onChange, testId }: TagsProps) {
  const [text, setText] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const full = tags.length >= LIMITS.listMax;
  const take = (): void => {
    setText('');
    onChange(withTopic(tags, text));
  };
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      {tags.length > 0 && (
        <ul class="chips">
          {tags.map((tag) => (
            <li key={tag} class="chip">
              <bdi>{`#${tag}`}</bdi>
              <button
                type="button"
                class="chip-remove"
                aria-label={t('tags.remove', { tag })}
                onClick={() => {
                  onChange(tags.filter((other) => other !== tag));
                  input.current?.focus();
                }}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {!full && (
        <>
          <input
            ref={input}
            id={id}
            // What was typed and not confirmed is meant as well: the form adds it.
            name="topic"
            autocomplete="off"
            autocapitalize="none"
            enterkeyhint="done"
            maxLength={LIMITS.topicMaxChars}
            aria-describedby={`${id}-hint`}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' && event.key !== ',') return;
              event.preventDefault();
              take();
            }}
            data-testid={testId}
          />
          <p class="quiet small" id={`${id}-hint`}>
            {t('tags.hint', { max: LIMITS.listMax })}
          </p>
        </>
      )}
    </div>
  );
}
