// The controls, within reach of a thumb: leave, react, chat, hands; the microphone for those on stage.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { RoomState } from '../../sdk';
import { t, tn } from '../i18n';
import { Icon, type IconName } from '../parts/icon';
import { navigate } from '../router';
import { attempt, me, moderates, owns, palco } from '../store';
import { wide } from '../theme';
import { EndRoom } from './end-room';
import { panel } from './live';
import { ReactionPicker } from './reactions';

export function Bar({ state }: { state: RoomState }) {
  const [picking, setPicking] = useState(false);
  const [ending, setEnding] = useState(false);
  const unseen = useUnseen(state);
  const hands = state.hands?.length ?? 0;
  const leave = (): void => navigate('/');
  return (
    <div class="bar-place">
      {state.you.hand && <HandNote hand={state.you.hand} />}
      {picking && <ReactionPicker onClose={() => setPicking(false)} />}
      <div class="bar" role="group" aria-label={t('bar.label')}>
        {owns.value ? (
          <button type="button" class="button danger" onClick={() => setEnding(true)} data-testid="end-room">
            <Icon name="end" />
            <span class="label">{t('bar.end')}</span>
          </button>
        ) : (
          <button type="button" class="button leave" onClick={leave} data-testid="leave-room">
            <Icon name="leave" />
            <span class="label">{t('bar.leave')}</span>
          </button>
        )}
        <span class="bar-space" />
        {moderates.value && !wide.value && (
          <Round
            icon="hand"
            label={hands > 0 ? tn('count.hands', hands) : t('bar.hands')}
            badge={hands}
            onClick={() => (panel.value = 'hands')}
            testId="open-hands"
          />
        )}
        {!wide.value && (
          <Round
            icon="chat"
            label={t('bar.chat')}
            badge={unseen}
            onClick={() => (panel.value = 'chat')}
            testId="open-chat"
          />
        )}
        <Round
          icon="smile"
          label={t('bar.react')}
          pressed={picking}
          onClick={() => setPicking(!picking)}
          testId="open-reactions"
        />
        <StageControl state={state} />
      </div>
      {ending && <EndRoom onClose={() => setEnding(false)} onLeave={leave} />}
    </div>
  );
}

interface RoundProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  badge?: number;
  pressed?: boolean;
  testId: string;
}

function Round({ icon, label, onClick, badge = 0, pressed, testId }: RoundProps) {
  return (
    <button
      type="button"
      class="round"
      aria-label={label}
      title={label}
      {...(pressed === undefined ? {} : { 'aria-expanded': pressed })}
      onClick={onClick}
      data-testid={testId}
    >
      <Icon name={icon} />
      {badge > 0 && <span class="badge">{badge > 99 ? 99 : badge}</span>}
    </button>
  );
}

/**
 * The one control that matters most to you: microphone, hand, or the way back on stage. It stays one button
 * whatever it is for, so that whoever has the focus on it, or comes back from a dialog to it, keeps it.
 */
function StageControl({ state }: { state: RoomState }) {
  const [busy, setBusy] = useState(false);
  const run = async (action: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    await attempt(action);
    setBusy(false);
  };
  const control = controlFor(state);
  return (
    <>
      {me.value && state.you.role !== 'host' && wide.value && (
        <button
          key="step-down"
          type="button"
          class="button"
          aria-disabled={busy}
          onClick={() => void run(palco.stepDown)}
          data-testid="step-down"
        >
          <Icon name="down" />
          <span>{t('bar.step.down')}</span>
        </button>
      )}
      <button
        key="control"
        type="button"
        class={`button ${control.looks}`}
        aria-disabled={busy || control.off === true}
        onClick={() => void run(control.action)}
        data-testid={control.testId}
        data-muted={me.value?.muted}
      >
        <Icon name={control.icon} />
        <span>{control.label}</span>
      </button>
    </>
  );
}

interface Control {
  label: string;
  icon: IconName;
  looks: string;
  action: () => Promise<unknown>;
  testId: string;
  /** Somebody else says so. */
  off?: boolean;
}

function controlFor({ you, room }: RoomState): Control {
  const member = me.value;
  if (member) {
    const { muted, muted_by_moderator: held } = member;
    return {
      label: held ? t('bar.muted.moderator') : muted ? t('bar.unmute') : t('bar.mute'),
      icon: muted ? 'micOff' : 'mic',
      looks: muted ? 'mic mic-off' : 'mic mic-on',
      action: () => (muted ? palco.unmute() : palco.mute()),
      testId: 'mute-toggle',
      off: held,
    };
  }
  if (moderates.value) {
    const action = palco.takeStage;
    return { label: t('bar.take.stage'), icon: 'mic', looks: 'primary', action, testId: 'take-stage' };
  }
  const up = you.hand !== undefined;
  const off = room.hand_policy === 'off' && !up;
  return {
    label: off ? t('bar.hand.off') : up ? t('bar.hand.lower') : t('bar.hand.raise'),
    icon: 'hand',
    looks: up ? 'hand-up' : 'primary',
    action: up ? palco.lowerHand : palco.raiseHand,
    testId: up ? 'lower-hand' : 'raise-hand',
    off,
  };
}

function HandNote({ hand }: { hand: NonNullable<RoomState['you']['hand']> }) {
  const minutes = Math.round((hand.estimated_wait_ms ?? 0) / 60_000);
  return (
    <p class="hand-note" role="status" data-testid="hand-position">
      {hand.position === 1 ? t('hand.next') : t('hand.position', { position: hand.position })}
      {hand.estimated_wait_ms !== undefined && (
        <span class="quiet">
          {t('hand.wait', { wait: minutes < 1 ? t('hand.minute.less') : tn('hand.minutes', minutes) })}
        </span>
      )}
    </p>
  );
}

/** Lines of chat since the panel was last open. */
function useUnseen(state: RoomState): number {
  const last = state.chat.at(-1)?.number ?? 0;
  const seen = useRef(last);
  const open = wide.value || panel.value === 'chat';
  useEffect(() => {
    if (open) seen.current = last;
  }, [open, last]);
  return open ? 0 : state.chat.filter((line) => line.number > seen.current).length;
}
