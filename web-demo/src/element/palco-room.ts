// <palco-room room="…">: a room in any page, by one script and one tag (docs/embed.md).
//
// Attributes: `room`; `server` (where this script came from unless told otherwise); `token` of an
// application, or `name` of a guest, who is asked for it when neither is given; `link`, the secret of a
// link; `lang`. Changing one starts anew. `client` is the SDK's client, for everything else.

import { h, render } from 'preact';
import people from '../app/styles/people.css?inline';
import { preferred, speak } from '../app/i18n';
import { PictureOrigin } from '../app/parts/avatar';
import { Palco } from '../sdk';
import style from './palco-room.css?inline';
import { View } from './view';

const ATTRIBUTES = ['server', 'room', 'token', 'name', 'link', 'lang'] as const;

export class PalcoRoom extends HTMLElement {
  static readonly observedAttributes = ATTRIBUTES;
  readonly #root: ShadowRoot;
  #client: Palco | undefined;
  #restarting = false;

  constructor() {
    super();
    this.#root = this.attachShadow({ mode: 'open' });
    this.#root.adoptedStyleSheets = [people, style].map((text) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(text);
      return sheet;
    });
  }

  /** Undefined while the element is in no page. */
  get client(): Palco | undefined {
    return this.#client;
  }

  connectedCallback(): void {
    this.#start();
  }

  disconnectedCallback(): void {
    this.#stop();
  }

  attributeChangedCallback(): void {
    if (!this.#client || this.#restarting) return;
    // Several attributes changed in one go are one change.
    this.#restarting = true;
    queueMicrotask(() => {
      this.#restarting = false;
      if (!this.isConnected) return;
      this.#stop();
      this.#start();
    });
  }

  #start(): void {
    const { server, room, token, name, link, lang } = this.#attributes();
    const origin = new URL(server ?? import.meta.url, document.baseURI).origin;
    const client = new Palco({
      server: origin,
      ...(token === undefined ? {} : { token }),
      // The page may hold several elements; none shall find another's session.
      storage: null,
    });
    this.#client = client;
    client.on('room', (state) => this.#tell('palco-room', state));
    client.on('closed', (code) => this.#tell('palco-closed', code));
    // Without its catalogue the language is English.
    void speak(preferred([lang ?? document.documentElement.lang, ...navigator.languages]))
      .catch(() => undefined)
      .then(() => {
        if (this.#client !== client) return;
        const view = h(View, { client, room: room ?? '', name, link, known: token !== undefined });
        render(h(PictureOrigin.Provider, { value: origin }, view), this.#root);
      });
  }

  #stop(): void {
    render(null, this.#root);
    this.#client?.close();
    this.#client = undefined;
  }

  #attributes(): Partial<Record<(typeof ATTRIBUTES)[number], string>> {
    const given = ATTRIBUTES.map((name) => [name, this.getAttribute(name)] as const);
    return Object.fromEntries(given.filter(([, value]) => value !== null && value !== ''));
  }

  #tell(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

if (!customElements.get('palco-room')) customElements.define('palco-room', PalcoRoom);
