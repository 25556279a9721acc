// The session ended, and not by this page: what happened and what to do, on every page until the next one.

import { t } from '../i18n';
import { address, follow } from '../router';
import { room, signedOut } from '../store';
import { signInAddress } from './header';

export function SignedOut() {
  const why = signedOut.value;
  // The page of a room that one was in says so itself; who signs in knows.
  const shown = why !== undefined && !room.value && !address.value.path.startsWith('/sign');
  return (
    <div role="alert" class="announcement">
      {shown && (
        <p data-testid="signed-out" data-reason={why}>
          <strong>{t(`over.${why}`)}.</strong> {t(`over.${why}.text`)}{' '}
          {why === 'signed_out' && (
            <a href={signInAddress()} onClick={follow}>
              {t('sign.in')}
            </a>
          )}
        </p>
      )}
    </div>
  );
}
