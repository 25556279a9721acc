// What happens in the room, in words: for the eye as notices, for screen readers through the same.

import { useEffect } from 'preact/hooks';
import { memberOf, type DirectEvent, type Event, type Person, type RoomState } from '../../sdk';
import { t } from '../i18n';
import { moderates, notify, palco, withdraw } from '../store';

export function useNotices(): void {
  useEffect(() => {
    let before = palco.room;
    const stops = [
      palco.on('event', (event) => {
        const after = palco.room;
        if (before && after) tell(event, before, after);
        before = after;
      }),
      palco.on('microphoneLost', (why) =>
        notify(t(why === undefined ? 'notice.mic.replaced' : 'notice.mic.lost'), why !== undefined),
      ),
    ];
    return () => stops.forEach((stop) => stop());
  }, []);
}

function tell(event: Event | DirectEvent, before: RoomState, after: RoomState): void {
  const own = (person: Person | undefined): boolean => person?.id === after.you.person.id;
  switch (event.type) {
    case 'stage_updated': {
      const { person } = event.member;
      if (own(person) && !event.member.muted) withdraw(t('notice.onstage'));
      if (memberOf(before, person.id)) break;
      notify(own(person) ? t('notice.onstage') : t('notice.stage.joined', { name: person.name }));
      break;
    }
    case 'stage_left': {
      const person = memberOf(before, event.user)?.person;
      if (!person) break;
      if (!own(person)) notify(t('notice.stage.left', { name: person.name }));
      else if (event.reason === 'moved') notify(t('notice.moved'));
      break;
    }
    case 'hand_raised':
      notify(t('notice.hand', { name: event.hand.person.name }));
      break;
    case 'invitation_updated':
      if (event.state === 'declined') notify(t('notice.declined', { name: event.person.name }));
      if (event.state === 'expired') notify(t('notice.expired', { name: event.person.name }));
      break;
    case 'your_mute':
      notify(event.by_moderator ? t('notice.muted') : t('notice.allowed'));
      break;
    case 'your_role':
      if (event.role === 'moderator' && before.you.role !== 'host') notify(t('notice.moderator'));
      if (event.role === 'host') notify(t('notice.host'));
      break;
    case 'reported':
      if (moderates.value && event.entry.to) {
        notify(t('notice.reported', { name: event.entry.to.name, reason: event.entry.reason ?? '' }));
      }
      break;
  }
}
