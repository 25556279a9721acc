// The link, to copy or to hand to the device's own share sheet. Moderators also give secret links, each
// with its role: they let people into a locked room, and speakers come with an invitation.

import { useState } from 'preact/hooks';
import type { LinkRole, RoomInfo } from '../../sdk';
import { t } from '../i18n';
import { Dialog } from '../parts/dialog';
import { ShareLink } from '../parts/share-link';
import { attempt, me, member, palco } from '../store';
import { CallIn } from './call-in';

/** As the sheet says it. */
const SECRET_LASTS_MS = 24 * 3_600_000;

/** A secret made so lately is shown again: a room has 50 links at most. */
const SECRET_FRESH_MS = 600_000;

type Kind = 'room' | LinkRole;

/** By room and role. */
const secrets = new Map<string, { secret: string; madeAt: number }>();

async function secretFor(room: RoomInfo, role: LinkRole): Promise<string> {
  const key = `${room.id} ${role}`;
  const known = secrets.get(key);
  if (known && Date.now() - known.madeAt < SECRET_FRESH_MS) return known.secret;
  const secret = await palco.createLink(role, SECRET_LASTS_MS);
  secrets.set(key, { secret, madeAt: Date.now() });
  return secret;
}

interface ShareProps {
  room: RoomInfo;
  moderates: boolean;
  onClose: () => void;
}

export function Share({ room, moderates, onClose }: ShareProps) {
  const address = `${location.origin}/r/${room.id}`;
  const [{ kind, url }, setShown] = useState<{ kind: Kind; url: string }>({ kind: 'room', url: address });
  const choose = async (wanted: Kind): Promise<void> => {
    if (wanted === 'room') setShown({ kind: wanted, url: address });
    else {
      await attempt(async () => {
        setShown({ kind: wanted, url: `${address}#${await secretFor(room, wanted)}` });
      });
    }
  };
  return (
    <Dialog title={t('share.title')} onClose={onClose} testId="share">
      {moderates && (
        <div class="tabs tabs-inset" role="group" aria-label={t('share.for')}>
          {(['room', 'listener', 'speaker'] as const).map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={kind === one}
              onClick={() => void choose(one)}
              data-testid={`share-${one}`}
            >
              {t(`share.kind.${one}`)}
            </button>
          ))}
        </div>
      )}
      <p class="quiet share-text" aria-live="polite">
        {t(`share.text.${kind}`)}
      </p>
      <ShareLink key={url} url={url} title={room.title} />
      {me.value && member.value && <CallIn />}
    </Dialog>
  );
}
