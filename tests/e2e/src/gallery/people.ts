// Who lives in the gallery's server: names, words and faces as people have them.

import type { Looks } from './portraits.js';

export interface Character {
  handle: string;
  name: string;
  headline: string;
  looks: Looks;
}

const GROUNDS = {
  sea: ['#8fd3d1', '#2f7f8c'],
  sand: ['#f6dcae', '#e0a45b'],
  rose: ['#f7c6c0', '#c9676b'],
  leaf: ['#cfe3a8', '#6f9c4d'],
  plum: ['#d6c4ee', '#7d62b0'],
  sky: ['#c3dcf7', '#4f7fc0'],
} as const satisfies Record<string, [string, string]>;

function character(
  handle: string,
  name: string,
  headline: string,
  ground: keyof typeof GROUNDS,
  looks: Omit<Looks, 'ground'>,
): Character {
  return { handle, name, headline, looks: { ...looks, ground: [...GROUNDS[ground]] } };
}

/** The one whose screen is shown: a listener who comes on stage. */
export const VIEWER = character('giulia', 'Giulia Moretti', 'Teaches physics in Trieste', 'sand', {
  skin: '#f0c4a0',
  hair: '#5b3320',
  style: 'long',
  shirt: '#0e6b62',
});
/** The other one: the host of the room that the gallery visits. */
export const HOST = character('noor', 'Noor Haddad', 'Astronomer, and a patient explainer', 'plum', {
  skin: '#d9a679',
  hair: '#274a5e',
  style: 'scarf',
  shirt: '#1d3a4a',
});

/** On stage with the host; the first of them moderates, the second speaks. */
export const SPEAKERS: Character[] = [
  character('priya', 'Priya Raman', 'Builds spectrographs', 'rose', {
    skin: '#b97a4f',
    hair: '#1f1714',
    style: 'bun',
    shirt: '#7b2d4e',
    glasses: true,
  }),
  character('kwame', 'Kwame Mensah', 'Radio telescopes, from Accra', 'sky', {
    skin: '#7a4a2e',
    hair: '#17110e',
    style: 'short',
    shirt: '#e2a23b',
    beard: true,
  }),
  character('ingrid', 'Ingrid Solberg', 'Writes about the night', 'sea', {
    skin: '#f6d5bd',
    hair: '#d9b26a',
    style: 'bob',
    shirt: '#30435f',
  }),
  character('tomas', 'Tomás Ferreira da Silva', 'Amateur with a very large mirror', 'leaf', {
    skin: '#e2b48c',
    hair: '#3a2a20',
    style: 'curls',
    shirt: '#4b5d2f',
    glasses: true,
  }),
];

export const LISTENERS: Character[] = [
  character('amelie', 'Amélie Fournier', 'Ornithologue des toits', 'rose', {
    skin: '#f3cdb0',
    hair: '#8a3b1e',
    style: 'bob',
    shirt: '#38566b',
  }),
  character('luca', 'Luca Bianchi', 'Fornaio, terza generazione', 'sand', {
    skin: '#e9bd95',
    hair: '#2b1d15',
    style: 'short',
    shirt: '#a23b2a',
    beard: true,
  }),
  character('yuki', 'Yuki Tanaka', 'Sound, and the lack of it', 'sky', {
    skin: '#f2cfae',
    hair: '#15130f',
    style: 'long',
    shirt: '#c05a6c',
  }),
  character('marek', 'Marek Nowak', 'Runs servers for a living', 'leaf', {
    skin: '#efc8a6',
    hair: '#6b5a48',
    style: 'bald',
    shirt: '#2c3e50',
    glasses: true,
  }),
  character('zola', 'Zola Dlamini', 'Choir leader', 'plum', {
    skin: '#6b3f28',
    hair: '#120d0b',
    style: 'curls',
    shirt: '#d98b2b',
  }),
  character('omar', 'Omar Rahimi', 'Urban planner on a bicycle', 'sea', {
    skin: '#cf9a6d',
    hair: '#241a14',
    style: 'short',
    shirt: '#556b7d',
    beard: true,
    glasses: true,
  }),
  character('sofia', 'Sofía Giménez', 'Paleontóloga', 'sand', {
    skin: '#dcaa80',
    hair: '#3d2417',
    style: 'bun',
    shirt: '#6a7f3b',
  }),
  character('ben', 'Ben Okafor', 'Bass player', 'rose', {
    skin: '#5f3825',
    hair: '#0f0b09',
    style: 'bald',
    shirt: '#293b57',
  }),
];

/** Hosts of the other rooms are among the listeners' list; these are with them on stage. */
export const COMPANY: Character[] = [
  character('chiara', 'Chiara Rossi', 'Cuoca', 'leaf', {
    skin: '#eec3a0',
    hair: '#1f1612',
    style: 'bob',
    shirt: '#f2efe6',
  }),
  character('hugo', 'Hugo Lefèvre', 'Preneur de son', 'sky', {
    skin: '#f1cbb0',
    hair: '#a9743b',
    style: 'curls',
    shirt: '#26384d',
    beard: true,
  }),
  character('aisha', 'Aisha Bello', 'Site reliability', 'sand', {
    skin: '#8a5536',
    hair: '#7d2348',
    style: 'scarf',
    shirt: '#3b1b2b',
    glasses: true,
  }),
  character('jonas', 'Jonas Weber', 'Compiler tinkerer', 'plum', {
    skin: '#f4d0b5',
    hair: '#c79a4e',
    style: 'short',
    shirt: '#2f5d50',
  }),
  character('paolo', 'Paolo Conti', 'Mugnaio', 'sea', {
    skin: '#e6b890',
    hair: '#8c8780',
    style: 'short',
    shirt: '#75422a',
    beard: true,
  }),
];

/** Guests, without an account or a picture. */
export const GUESTS = [
  'Hélène',
  'Matteo',
  'Anna-Lena',
  'Wojciech',
  'Maria Concetta',
  'J. P.',
  'Rania',
  'Olu',
  'Ida',
  'Max',
];

export const EVERYBODY = [VIEWER, HOST, ...SPEAKERS, ...LISTENERS, ...COMPANY];

export const ABOUT = {
  headline: HOST.headline,
  bio: 'I look at old light for a living. On Thursdays I open a room where anybody may ask anything about the sky; no question is too small, and most of mine were.',
  links: ['https://observatory.example.org'],
  languages: ['en', 'fr', 'it'],
  topics: ['astronomy', 'science', 'teaching'],
  creator: true,
};

export const ROOM = {
  title: 'Night skies: what the new telescope really sees',
  description: 'An hour with people who were there when the first picture came down. Bring questions.',
  topics: ['astronomy', 'science'],
  language: 'en',
};
/** Of a room that begins while one looks. */
export const ANOTHER_TITLE = 'Ask me anything about comets';
export const PINNED = 'https://observatory.example.org/first-light/gallery';

/** Other rooms that are live, by whom, and who is on stage with them. */
export const OTHER_ROOMS: {
  host: string;
  title: string;
  topics: string[];
  language: string;
  with: string[];
}[] = [
  {
    host: 'luca',
    title: 'Cucina povera: che cosa facciamo con il pane di ieri?',
    topics: ['food', 'italy'],
    language: 'it',
    with: ['chiara', 'paolo'],
  },
  {
    host: 'amelie',
    title: 'Le chant des oiseaux en ville, de l’aube au premier métro',
    topics: ['birds', 'cities'],
    language: 'fr',
    with: ['hugo'],
  },
  {
    host: 'marek',
    title: 'Five years of Rust in production',
    topics: ['rust'],
    language: 'en',
    with: ['jonas', 'aisha'],
  },
];

export const CHAT: [handle: string, text: string][] = [
  ['ben', 'Evening from Lagos! Clear sky here for once.'],
  ['sofia', '¡Hola a todos!'],
  ['yuki', 'Is the ring in the second picture real, or the instrument?'],
  ['priya', 'Real. The instrument makes the six spikes, never rings.'],
  [
    'ingrid',
    'And somebody computed that on a laptop in an airport, if I remember the paper right? Wonderful.',
  ],
  ['zola', '👏👏👏'],
  ['omar', 'Kwame, could you say again how far apart the dishes stand?'],
];

export const PLANS: { by: string; title: string; description: string; inHours: number; seminar?: boolean }[] =
  [
    {
      by: 'noor',
      title: 'How stars are made, and what is left of them',
      description:
        'A seminar in three parts. The first one needs nothing but curiosity; slides are sent to those who register.',
      inHours: 47,
      seminar: true,
    },
    {
      by: 'zola',
      title: 'Sing along: four voices, forty minutes',
      description: 'We learn one song by ear.',
      inHours: 22,
    },
    {
      by: 'luca',
      title: 'Il lievito madre spiegato con pazienza',
      description: 'Domande e risposte.',
      inHours: 120,
    },
  ];
