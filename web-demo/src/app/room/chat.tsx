// The chat: the last lines, kept at the bottom unless the reader scrolled up.

import { Component } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { LIMITS, type ChatMessage, type RoomState } from '../../sdk';
import { t } from '../i18n';
import { Avatar } from '../parts/avatar';
import { Icon } from '../parts/icon';
import { attempt, palco } from '../store';

/** Nearer to the end than this is "at the end". */
const AT_END_PX = 40;

export function Chat({ state }: { state: RoomState }) {
  const list = useRef<HTMLOListElement>(null);
  const atEnd = useRef(true);
  const [unseen, setUnseen] = useState(false);
  const last = state.chat.at(-1)?.number;

  const toEnd = (): void => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
    setUnseen(false);
  };
  useLayoutEffect(() => {
    if (atEnd.current) toEnd();
    else setUnseen(true);
  }, [last]);

  return (
    <div class="chat">
      <ol
        class="chat-lines"
        ref={list}
        tabIndex={0}
        aria-label={t('chat.title')}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          atEnd.current = scrollHeight - scrollTop - clientHeight < AT_END_PX;
          if (atEnd.current) setUnseen(false);
        }}
      >
        {state.chat.length === 0 && <li class="empty quiet">{t('chat.empty')}</li>}
        {state.chat.map((line, at) => (
          <Line
            key={line.number}
            line={line}
            follows={state.chat[at - 1]?.from.id === line.from.id}
            own={line.from.id === state.you.person.id}
          />
        ))}
      </ol>
      {unseen && (
        <button type="button" class="button chat-new" onClick={toEnd}>
          <Icon name="down" />
          {t('chat.new')}
        </button>
      )}
      <Composer slowModeMs={state.room.slow_mode_ms} />
    </div>
  );
}

interface LineProps {
  line: ChatMessage;
  /** Another of the same person. */
  follows: boolean;
  own: boolean;
}

/** What was said stays as it is: of a busy chat only the new line is drawn. */
class Line extends Component<LineProps> {
  override shouldComponentUpdate(next: LineProps): boolean {
    return next.line !== this.props.line || next.follows !== this.props.follows;
  }

  override render({ line, follows, own }: LineProps) {
    return (
      <li
        class={follows ? 'chat-line chat-line-follows' : 'chat-line'}
        data-testid="chat-line"
        data-own={own}
      >
        {!follows && <Avatar person={line.from} size="s" />}
        <div>
          {!follows && (
            <p class="chat-name">
              <bdi>{line.from.name}</bdi>
            </p>
          )}
          <p class="chat-text" dir="auto">
            {line.text}
          </p>
        </div>
      </li>
    );
  }
}

function Composer({ slowModeMs }: { slowModeMs: number }) {
  const [text, setText] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const pending = useRef(false);
  useEffect(() => {
    // In a sheet the reader came to write; beside the room, focus stays where it is.
    if (input.current?.closest('dialog')) input.current.focus();
  }, []);
  const send = async (): Promise<void> => {
    const line = text.trim();
    if (line === '' || pending.current) return;
    pending.current = true;
    setText('');
    // Refused: the words come back, unless others were typed meanwhile.
    if (!(await attempt(() => palco.chat(line)))) setText((now) => (now === '' ? line : now));
    pending.current = false;
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {slowModeMs > 0 && (
        <p class="quiet small">{t('chat.slow', { seconds: Math.ceil(slowModeMs / 1000) })}</p>
      )}
      <div class="composer-row">
        <input
          ref={input}
          value={text}
          dir="auto"
          autocomplete="off"
          enterkeyhint="send"
          maxLength={LIMITS.chatMaxChars}
          placeholder={t('chat.placeholder')}
          aria-label={t('chat.placeholder')}
          onInput={(event) => setText(event.currentTarget.value)}
          data-testid="chat-input"
        />
        <button class="icon-button primary" aria-label={t('chat.send')} data-testid="chat-send">
          <Icon name="up" />
        </button>
      </div>
    </form>
  );
}
