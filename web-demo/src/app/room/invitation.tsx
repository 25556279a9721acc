// An invitation to the stage: consent first, then the microphone, then the stage, muted.

import { useEffect, useRef, useState } from 'preact/hooks';
import { codeOf, memberOf, type RoomState, type YourInvitation } from '../../sdk';
import { t } from '../i18n';
import { Dialog } from '../parts/dialog';
import { LevelMeter } from '../parts/level-meter';
import { MicrophoneChoice } from '../parts/settings';
import { attempt, palco } from '../store';

type Step = { is: 'asked' } | { is: 'opening' } | { is: 'check' } | { is: 'refused'; why: MicrophoneTrouble };
type MicrophoneTrouble = 'refused' | 'missing' | 'failed';

export function Invitation({ state, invitation }: { state: RoomState; invitation: YourInvitation }) {
  const [step, setStep] = useState<Step>({ is: 'asked' });
  const [busy, setBusy] = useState(false);
  const next = useRef<HTMLButtonElement>(null);
  const host = memberOf(state, invitation.by);

  // Not taken up: the microphone closes with the dialog. Taken up, it may be seen gone before we are seen on stage.
  const entering = useRef(false);
  const letGo = (): void => {
    if (!entering.current && !palco.onStage && palco.room?.you.role === 'listener') palco.microphone.close();
  };
  useEffect(() => letGo, []);

  // The browser has answered: what comes next is one key away.
  useEffect(() => {
    if (step.is === 'check' || step.is === 'refused') next.current?.focus();
  }, [step.is]);

  // Pulled out during the check: another one is checked, or it is said that there is none.
  useEffect(() => palco.microphone.on('lost', () => void open()), []);

  const open = async (): Promise<void> => {
    setStep({ is: 'opening' });
    try {
      await palco.microphone.open();
      setStep({ is: 'check' });
    } catch (error) {
      setStep({ is: 'refused', why: troubleOf(error) });
    }
  };
  const enter = async (): Promise<void> => {
    setBusy(true);
    entering.current = true;
    entering.current = await attempt(palco.acceptInvite);
    if (!palco.room?.you.invitation) letGo();
    setBusy(false);
  };
  const decline = (): void => void attempt(palco.declineInvite);

  if (step.is === 'asked') {
    return (
      <Dialog key="asked" title={t('invitation.title')} testId="invitation">
        <p aria-live="assertive">
          {host ? t('invitation.text', { name: host.person.name }) : t('invitation.text.nobody')}
        </p>
        <div class="actions">
          <button
            type="button"
            class="button primary wide"
            onClick={() => void open()}
            data-testid="accept-invite"
          >
            {t('invitation.accept')}
          </button>
          <button type="button" class="button wide" onClick={decline} data-testid="decline-invite">
            {t('invitation.decline')}
          </button>
        </div>
        <Countdown until={invitation.expires_at_ms} />
      </Dialog>
    );
  }
  return (
    <Dialog key="mic" title={t('mic.title')} onClose={decline} testId="mic-check">
      {step.is === 'opening' && <p role="status">{t('mic.asking')}</p>}
      {step.is === 'check' && (
        <>
          <LevelMeter />
          <MicrophoneChoice />
          <div class="actions">
            <button
              ref={next}
              type="button"
              class="button primary wide"
              aria-disabled={busy}
              onClick={() => void enter()}
              data-testid="confirm-mic"
            >
              {t('mic.confirm')}
            </button>
          </div>
        </>
      )}
      {step.is === 'refused' && (
        <>
          <p role="alert">
            <strong>{t(`mic.${step.why}`)}</strong>
          </p>
          <p>{t(`mic.${step.why}.hint`)}</p>
          <div class="actions">
            <button
              ref={next}
              type="button"
              class="button primary wide"
              onClick={() => void open()}
              data-testid="retry-mic"
            >
              {t('mic.retry')}
            </button>
          </div>
        </>
      )}
      <button type="button" class="button plain wide" onClick={decline}>
        {t('invitation.decline')}
      </button>
      <Countdown until={invitation.expires_at_ms} />
    </Dialog>
  );
}

function troubleOf(error: unknown): MicrophoneTrouble {
  const code = codeOf(error);
  if (code === 'microphone_refused') return 'refused';
  return code === 'microphone_missing' ? 'missing' : 'failed';
}

/** How long the invitation stands, on the room's clock. */
function Countdown({ until }: { until: number }) {
  const [left, setLeft] = useState(() => until - palco.roomNowMs);
  useEffect(() => {
    const timer = setInterval(() => setLeft(until - palco.roomNowMs), 1000);
    return () => clearInterval(timer);
  }, [until]);
  return (
    <p class="quiet small countdown">
      {t('invitation.left', { seconds: Math.max(0, Math.ceil(left / 1000)) })}
    </p>
  );
}
