// One address, three faces: the entry card, the live room, and what is left when it is over.

import { useEffect } from 'preact/hooks';
import type { PageProps } from '../pages';
import { signInAddress } from '../parts/header';
import { navigate } from '../router';
import { closedBy, palco, rememberedName, room, signedOut } from '../store';
import { Live } from '../room/live';
import { Entry } from './entry';
import { Over } from './over';

export function RoomPage({ params, hash }: PageProps) {
  const id = params['room'] ?? '';
  const link = hash === '' ? undefined : hash;
  const state = room.value;
  const here = state?.room.id === id ? state : undefined;

  // Leaving the page's address is leaving the room, quietly.
  useEffect(
    () => () => {
      closedBy.value = undefined;
      void palco.leave();
    },
    [id],
  );

  const again = (): void => {
    closedBy.value = undefined;
    const name = rememberedName();
    const back = palco.join(id, name === '' ? { link } : { name, link });
    // Refused: the entry card says why on the next try.
    back.catch(() => palco.leave());
  };

  if (here?.ended) return <Over reason={here.ended} />;
  if (here?.removed)
    return here.removed.banned ? <Over reason="banned" /> : <Over reason="removed" again={again} />;
  if (here && closedBy.value === 'taken_over') return <Over reason="taken_over" again={again} />;
  if (here && closedBy.value !== undefined) return <Gone again={again} />;
  if (here) return <Live state={here} />;
  return <Entry key={id} id={id} link={link} />;
}

/** The session is over: a guest's, who says their name again, or an account's. */
function Gone({ again }: { again: () => void }) {
  const why = signedOut.value;
  if (why === undefined) return <Over reason="session" again={again} />;
  if (why === 'suspended') return <Over reason={why} />;
  return <Over reason={why} again={() => navigate(signInAddress())} />;
}
