import { t } from '../i18n';
import { Dialog } from '../parts/dialog';
import { attempt, palco } from '../store';

export function EndRoom({ onClose, onLeave }: { onClose: () => void; onLeave: () => void }) {
  return (
    <Dialog title={t('end.title')} onClose={onClose}>
      <p>{t('end.text')}</p>
      <div class="actions">
        <button
          type="button"
          class="button danger wide"
          onClick={() => void attempt(palco.endRoom).then((done) => done || onClose())}
          data-testid="confirm-end"
        >
          {t('end.confirm')}
        </button>
        <button type="button" class="button wide" onClick={onLeave} data-testid="leave-room">
          {t('end.leave')}
        </button>
        <button type="button" class="button plain wide" onClick={onClose}>
          {t('end.cancel')}
        </button>
      </div>
    </Dialog>
  );
}
