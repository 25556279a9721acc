// Italian for en/app.ts.

import type { app as english } from '../en/app';

export const app: Readonly<Record<keyof typeof english, string>> = {
  'app.name': 'Palco',
  'app.skip': 'Vai al contenuto',
  'app.close': 'Chiudi',
  'app.cancel': 'Annulla',
  'app.back': 'Torna all’ingresso',

  'draining.room': 'Il server sta per riavviarsi. Questa stanza può continuare per {wait}, poi finisce.',
  'draining.page': 'Il server sta per riavviarsi. Finché non torna non si aprono nuove stanze.',

  'form.name': 'Il tuo nome',
  'form.name.placeholder': 'Come ti vedono gli altri',
  'form.title': 'Di che cosa parlerete?',
  'form.title.placeholder': 'Caffè della domenica',
  'form.start': 'Vai in diretta',
  'form.starting': 'Apro la stanza…',

  'count.listeners.one': '{count} in ascolto',
  'count.listeners.other': '{count} in ascolto',
  'count.hands.one': '{count} mano alzata',
  'count.hands.other': '{count} mani alzate',
  'count.people.one': '{count} persona',
  'count.people.other': '{count} persone',

  'role.host': 'Conduce',
  'role.moderator': 'Modera',
  'role.speaker': 'Parla',
  'role.listener': 'Ascolta',
  you: '{name} (tu)',
  'you.alone': 'Tu',
};
