// The device knows that a room is on: media controls on the lock screen, no sleep while on stage.

import { useEffect } from 'preact/hooks';
import { t } from '../i18n';
import { navigate } from '../router';
import { attempt, me, palco } from '../store';

export function usePresence(title: string): void {
  const onStage = me.value !== undefined;
  const muted = me.value?.muted ?? true;

  useEffect(() => {
    if (!('mediaSession' in navigator)) return;
    const { mediaSession } = navigator;
    mediaSession.metadata = new MediaMetadata({ title, artist: t('app.name') });
    mediaSession.playbackState = 'playing';
    handle('stop', () => navigate('/'));
    handle('hangup', () => navigate('/'));
    return () => {
      mediaSession.metadata = null;
      mediaSession.playbackState = 'none';
      handle('stop', null);
      handle('hangup', null);
    };
  }, [title]);

  useEffect(() => {
    if (!onStage) return;
    handle('togglemicrophone', () => void attempt(() => (muted ? palco.unmute() : palco.mute())));
    showMicrophone(!muted);
    return () => handle('togglemicrophone', null);
  }, [onStage, muted]);

  useEffect(() => {
    if (!onStage || !('wakeLock' in navigator)) return;
    let lock: WakeLockSentinel | undefined;
    let stopped = false;
    const acquire = (): void => {
      // The browser lets go of it when the page is hidden; taken again when it is shown.
      if (document.hidden || stopped) return;
      navigator.wakeLock.request('screen').then(
        (sentinel) => {
          if (stopped) void sentinel.release();
          else lock = sentinel;
        },
        () => undefined,
      );
    };
    acquire();
    document.addEventListener('visibilitychange', acquire);
    return () => {
      stopped = true;
      document.removeEventListener('visibilitychange', acquire);
      void lock?.release();
    };
  }, [onStage]);
}

function showMicrophone(active: boolean): void {
  // Some browsers return nothing, some a promise, some do not have it.
  const session = navigator.mediaSession as { setMicrophoneActive?: (active: boolean) => unknown };
  void Promise.resolve(session.setMicrophoneActive?.(active)).catch(() => undefined);
}

/** Browsers know different actions, and throw for others. */
function handle(action: string, handler: (() => void) | null): void {
  try {
    navigator.mediaSession.setActionHandler(action as MediaSessionAction, handler);
  } catch {
    // Not known here: nothing is lost.
  }
}
