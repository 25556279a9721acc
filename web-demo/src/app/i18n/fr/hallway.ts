// French for en/hallway.ts.

import type { hallway as english } from '../en/hallway';

export const hallway: Readonly<Record<keyof typeof english, string>> = {
  'hallway.title': 'En direct',
  'hallway.empty': 'Tout est calme ici.',
  'hallway.empty.hint': 'Ouvrez un salon et partagez son lien : on entre d’un geste, sans compte.',
  'hallway.start': 'Ouvrir un salon',
  'hallway.start.hint': 'Vous l’animez. Qui a le lien peut écouter ; vous choisissez qui parle.',
  'hallway.with': 'avec {names}',
  'hallway.others': 'd’autres',

  'entry.live': 'En direct',
  'entry.join': 'Écouter en tant que {name}',
  'entry.join.nameless': 'Écouter',
  'entry.joining': 'On entre…',
  'entry.return': 'Retour dans le salon…',
  'entry.quiet': 'Au début, vous écoutez seulement. Pas besoin de micro.',
  'entry.have.account': 'Vous avez un compte ? Connectez-vous.',
  'entry.locked': 'L’animateur a verrouillé ce salon.',

  'over.ended_by_host': 'Le salon est fermé',
  'over.ended_by_host.text': 'L’animateur l’a fermé. Merci d’avoir été là.',
  'over.empty': 'Le salon est fermé',
  'over.empty.text': 'Il n’y avait plus personne sur scène.',
  'over.time_up': 'Le salon est fermé',
  'over.time_up.text': 'Le temps était écoulé.',
  'over.ended_by_operator': 'Le salon a été fermé',
  'over.ended_by_operator.text': 'Un responsable du serveur y a mis fin.',
  'over.shutdown': 'Le serveur redémarre',
  'over.shutdown.text': 'Le salon s’est arrêté avec lui. Ouvrez-en un autre dans un instant.',
  'over.back': 'Le serveur est de retour',
  'over.back.text':
    'Le salon s’est arrêté avec le redémarrage. Ouvrez-en un autre, ou voyez ce qui se passe.',
  'over.removed': 'On vous a fait sortir du salon',
  'over.removed.text': 'La modération vous a demandé de partir. Revenez quand le calme sera revenu.',
  'over.banned': 'Vous ne pouvez plus entrer dans ce salon',
  'over.banned.text': 'La modération vous a exclu.',
  'over.taken_over': 'Le salon est ouvert ailleurs',
  'over.taken_over.text':
    'Vous l’avez ouvert sur un autre appareil ou dans un autre onglet ; celui-ci s’est tu.',
  'over.taken_over.here': 'Écouter ici',
  'over.session': 'Entrez à nouveau',
  'over.session.text': 'Le serveur ne connaît plus cette visite. Donnez encore votre nom.',
  'over.signed_out': 'Votre session est terminée',
  'over.signed_out.text':
    'Le mot de passe a changé, ou la session a été fermée ailleurs. Reconnectez-vous pour continuer.',
  'over.suspended': 'Ce compte est suspendu',
  'over.suspended.text': 'Demandez à qui gère ce serveur pourquoi, et pour combien de temps.',
  'over.again': 'Entrer à nouveau',
  'over.notfound': 'Ce salon n’existe pas',
  'over.notfound.text': 'Le lien est erroné, ou le salon est déjà fermé.',
  'over.nopage': 'Cette page n’existe pas',
  'over.nopage.text': 'L’adresse est erronée, ou la page a été déplacée.',
  'over.unreachable': 'Le serveur ne répond pas',
  'over.unreachable.text': 'Nous continuons d’essayer. Si cela dure, vérifiez votre connexion.',
};
