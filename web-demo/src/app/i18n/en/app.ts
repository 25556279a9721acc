// Words that every page uses.

export const app = {
  'app.name': 'Palco',
  'app.skip': 'Skip to content',
  'app.close': 'Close',
  'app.cancel': 'Cancel',
  'app.back': 'Back to the hallway',

  'draining.room': 'The server restarts soon. This room can go on for {wait}, then it ends.',
  'draining.page': 'The server restarts soon. No new room opens until it is back.',

  'form.name': 'Your name',
  'form.name.placeholder': 'How others see you',
  'form.title': 'What will you talk about?',
  'form.title.placeholder': 'Sunday morning coffee',
  'form.start': 'Go live',
  'form.starting': 'Opening the room…',

  'count.listeners.one': '{count} listener',
  'count.listeners.other': '{count} listeners',
  'count.hands.one': '{count} raised hand',
  'count.hands.other': '{count} raised hands',
  'count.people.one': '{count} person',
  'count.people.other': '{count} people',

  'role.host': 'Host',
  'role.moderator': 'Moderator',
  'role.speaker': 'Speaker',
  'role.listener': 'Listener',
  you: '{name} (you)',
  'you.alone': 'You',
} as const;
