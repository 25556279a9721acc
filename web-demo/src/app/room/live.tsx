// The live room: stage, audience, side panel, controls. The state comes in whole; what changes ten
// times a second (speaking) goes by its own signal to the one tile that shows it.

import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Person, RoomState } from '../../sdk';
import { t } from '../i18n';
import { Dialog } from '../parts/dialog';
import { Header } from '../parts/header';
import { Icon } from '../parts/icon';
import { useTitle } from '../parts/title';
import { moderates } from '../store';
import { wide } from '../theme';
import { Audience } from './audience';
import { Bar } from './bar';
import { Chat } from './chat';
import { ConnectionBanner, Signal } from './connection';
import { Hands } from './hands';
import { Invitation } from './invitation';
import { useNotices } from './notices';
import { Options } from './options';
import { PersonSheet } from './person-sheet';
import { usePresence } from './presence';
import { FloatingReactions } from './reactions';
import { Share } from './share';
import { Stage } from './stage';

export type PanelName = 'chat' | 'hands';
type SheetName = 'share' | 'options';

/** On narrow pages: what lies over the room. */
export const panel = signal<PanelName | undefined>(undefined);

export function Live({ state }: { state: RoomState }) {
  const [sheet, setSheet] = useState<SheetName | undefined>(undefined);
  const [person, setPerson] = useState<Person | undefined>(undefined);
  // On wide pages: what stands beside the room.
  const [tab, setTab] = useState<PanelName>('chat');
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
    return () => (panel.value = undefined);
  }, []);
  useTitle(state.room.title);
  useNotices();
  usePresence(state.room.title);

  const { room } = state;
  // In a large room something comes many times a second, most of it chat: the tiles are compared with what they
  // were only when they could differ.
  const tiles = useMemo(
    () => (
      <>
        <Stage state={state} onPerson={setPerson} />
        <Audience state={state} onPerson={setPerson} onShare={() => setSheet('share')} />
      </>
    ),
    [state.stage, state.counts, state.you, room.id],
  );
  return (
    <>
      <Header live />
      <ConnectionBanner />
      <main class="live" id="main" data-testid="room">
        <div class="live-main">
          <header class="room-head">
            <div class="room-head-words">
              <h1 ref={heading} tabIndex={-1} data-testid="room-title">
                <bdi>{room.title}</bdi>
                {room.locked && <Icon name="lock" />}
              </h1>
              {room.kind !== 'open' && <p class="quiet small">{t(`social.kind.${room.kind}`)}</p>}
              {room.description !== '' && (
                <p class="quiet" dir="auto">
                  {room.description}
                </p>
              )}
            </div>
            <div class="room-head-actions">
              <Signal />
              <button type="button" class="button" onClick={() => setSheet('share')} data-testid="open-share">
                <Icon name="share" />
                <span>{t('bar.share')}</span>
              </button>
              {moderates.value && (
                <button
                  type="button"
                  class="icon-button"
                  aria-label={t('bar.options')}
                  onClick={() => setSheet('options')}
                  data-testid="open-options"
                >
                  <Icon name="more" />
                </button>
              )}
            </div>
          </header>
          {room.pinned_link !== undefined && <Pinned url={room.pinned_link} />}
          {tiles}
        </div>
        {wide.value && (
          <aside class="side card">
            <Panel state={state} name={tab} onName={setTab} onPerson={setPerson} />
          </aside>
        )}
        <FloatingReactions />
        <Bar state={state} />
      </main>

      {!wide.value && panel.value !== undefined && (
        <Dialog
          kind="panel"
          title={panel.value === 'chat' ? t('chat.title') : t('hands.title')}
          onClose={() => (panel.value = undefined)}
        >
          {panel.value === 'chat' ? <Chat state={state} /> : <Hands state={state} onPerson={setPerson} />}
        </Dialog>
      )}
      {sheet === 'share' && (
        <Share room={room} moderates={moderates.value} onClose={() => setSheet(undefined)} />
      )}
      {sheet === 'options' && <Options state={state} onClose={() => setSheet(undefined)} />}
      {person && <PersonSheet state={state} person={person} onClose={() => setPerson(undefined)} />}
      {state.you.invitation && state.you.role === 'listener' && (
        <Invitation state={state} invitation={state.you.invitation} />
      )}
    </>
  );
}

interface PanelProps {
  state: RoomState;
  name: PanelName;
  onName: (name: PanelName) => void;
  onPerson: (person: Person) => void;
}

function Panel({ state, name, onName, onPerson }: PanelProps) {
  const hands = state.hands?.length ?? 0;
  const shown = moderates.value ? name : 'chat';
  return (
    <>
      {moderates.value ? (
        <div class="tabs" role="group">
          {(['chat', 'hands'] as const).map((tab) => (
            <button
              key={tab}
              type="button"
              aria-pressed={shown === tab}
              onClick={() => onName(tab)}
              data-testid={`tab-${tab}`}
            >
              {tab === 'chat' ? t('chat.title') : t('hands.title')}
              {tab === 'hands' && hands > 0 && <span class="badge">{hands}</span>}
            </button>
          ))}
        </div>
      ) : (
        <h2 class="side-title">{t('chat.title')}</h2>
      )}
      {shown === 'chat' ? <Chat state={state} /> : <Hands state={state} onPerson={onPerson} />}
    </>
  );
}

function Pinned({ url }: { url: string }) {
  // Only the web: the server checks the same.
  if (!/^https?:\/\//i.test(url)) return null;
  return (
    <a
      class="pinned card"
      href={url}
      target="_blank"
      rel="noopener noreferrer nofollow"
      data-testid="pinned-link"
    >
      <Icon name="pin" />
      <span class="visually-hidden">{t('pin.label')}</span>
      <span class="pinned-text">{url.replace(/^https?:\/\//i, '')}</span>
    </a>
  );
}
