// Italian for en/hallway.ts.

import type { hallway as english } from '../en/hallway';

export const hallway: Readonly<Record<keyof typeof english, string>> = {
  'hallway.title': 'In diretta ora',
  'hallway.empty': 'Qui è tutto tranquillo.',
  'hallway.empty.hint': 'Apri una stanza e condividi il link: si entra con un tocco, senza account.',
  'hallway.start': 'Apri una stanza',
  'hallway.start.hint': 'Sarai tu a condurla. Chi ha il link può ascoltare; chi parla lo decidi tu.',
  'hallway.with': 'con {names}',

  'entry.live': 'In diretta',
  'entry.join': 'Ascolta come {name}',
  'entry.join.nameless': 'Ascolta',
  'entry.joining': 'Entro…',
  'entry.return': 'Ti riporto nella stanza…',
  'entry.quiet': 'All’inizio ascolti soltanto. Il microfono non serve.',
  'entry.have.account': 'Hai un account? Accedi.',
  'entry.locked': 'Chi conduce ha chiuso la stanza a chiave.',

  'over.ended_by_host': 'La stanza è chiusa',
  'over.ended_by_host.text': 'L’ha chiusa chi la conduceva. Grazie della compagnia.',
  'over.empty': 'La stanza è chiusa',
  'over.empty.text': 'Sul palco non c’era più nessuno.',
  'over.time_up': 'La stanza è chiusa',
  'over.time_up.text': 'Il tempo era finito.',
  'over.ended_by_operator': 'La stanza è stata chiusa',
  'over.ended_by_operator.text': 'L’ha chiusa chi gestisce il server.',
  'over.shutdown': 'Il server si riavvia',
  'over.shutdown.text': 'La stanza è finita con lui. Aprine una nuova fra un momento.',
  'over.back': 'Il server è tornato',
  'over.back.text': 'La stanza è finita con il riavvio. Aprine una nuova, o guarda che cosa c’è.',
  'over.removed': 'Ti hanno allontanato dalla stanza',
  'over.removed.text': 'Chi modera ti ha chiesto di uscire. Puoi tornare quando gli animi si calmano.',
  'over.banned': 'Non puoi tornare in questa stanza',
  'over.banned.text': 'Chi modera ti ha allontanato per sempre.',
  'over.taken_over': 'La stanza è aperta altrove',
  'over.taken_over.text':
    'L’hai aperta su un altro dispositivo o in un’altra scheda: qui è sceso il silenzio.',
  'over.taken_over.here': 'Ascolta qui',
  'over.session': 'Entra di nuovo',
  'over.session.text': 'Il server non ricorda più questa visita. Scrivi ancora il tuo nome.',
  'over.again': 'Entra di nuovo',
  'over.notfound': 'Questa stanza non c’è',
  'over.notfound.text': 'Il link è sbagliato, oppure la stanza è già chiusa.',
  'over.unreachable': 'Il server non risponde',
  'over.unreachable.text': 'Continuiamo a provare. Se dura, controlla la tua connessione.',
};
