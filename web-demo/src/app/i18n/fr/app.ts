// French for en/app.ts.

import type { app as english } from '../en/app';

export const app: Readonly<Record<keyof typeof english, string>> = {
  'app.name': 'Palco',
  'app.skip': 'Aller au contenu',
  'app.close': 'Fermer',
  'app.cancel': 'Annuler',
  'app.back': 'Retour à l’accueil',

  'draining.room': 'Le serveur va bientôt redémarrer. Ce salon peut continuer {wait}, puis il se termine.',
  'draining.page': 'Le serveur va bientôt redémarrer. Aucun nouveau salon ne s’ouvre d’ici à son retour.',

  'form.name': 'Votre nom',
  'form.name.placeholder': 'Tel que les autres le voient',
  'form.title': 'De quoi allez-vous parler ?',
  'form.title.placeholder': 'Café du dimanche matin',
  'form.start': 'Passer en direct',
  'form.starting': 'Ouverture du salon…',

  'count.listeners.one': '{count} à l’écoute',
  'count.listeners.other': '{count} à l’écoute',
  'count.hands.one': '{count} main levée',
  'count.hands.other': '{count} mains levées',
  'count.people.one': '{count} personne',
  'count.people.other': '{count} personnes',

  'role.host': 'Anime',
  'role.moderator': 'Modère',
  'role.speaker': 'Intervient',
  'role.listener': 'Écoute',
  you: '{name} (vous)',
  'you.alone': 'Vous',
};
