// A page without a browser: what the SDK needs of one, with each step of the connection and the microphone in the
// test's hand. What browsers do by themselves is tested in browsers (tests/e2e).

import { vi } from 'vitest';
import { WebSocket } from 'ws';

export class FakeTrack extends EventTarget {
  readyState: 'live' | 'ended' = 'live';
  onended: (() => void) | undefined;

  stop(): void {
    this.readyState = 'ended';
  }

  /** Pulled out, or no longer allowed. */
  end(): void {
    this.readyState = 'ended';
    this.onended?.();
  }
}

class FakeSender {
  track: FakeTrack | null = null;

  replaceTrack(track: FakeTrack | null): Promise<void> {
    this.track = track;
    return Promise.resolve();
  }
}

export class FakeConnection {
  static all: FakeConnection[] = [];
  connectionState: RTCPeerConnectionState = 'new';
  signalingState: RTCSignalingState = 'stable';
  localDescription: RTCSessionDescriptionInit | null = null;
  onconnectionstatechange: (() => void) | null = null;
  readonly sender = new FakeSender();
  answers: string[] = [];
  #offers = 0;

  constructor() {
    FakeConnection.all.push(this);
  }

  addTransceiver(): { sender: FakeSender; receiver: object } {
    return { sender: this.sender, receiver: { track: new FakeTrack(), getContributingSources: () => [] } };
  }

  createOffer(): Promise<RTCSessionDescriptionInit> {
    this.#offers += 1;
    return Promise.resolve({ type: 'offer', sdp: `offer ${this.#offers}` });
  }

  setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.localDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable';
    return Promise.resolve();
  }

  setRemoteDescription({ sdp = '' }: RTCSessionDescriptionInit): Promise<void> {
    // As in a browser, what is asked of a closed connection is refused, or never done.
    if (this.connectionState === 'closed') return new Promise(() => undefined);
    this.answers.push(sdp);
    this.signalingState = 'stable';
    return Promise.resolve();
  }

  close(): void {
    this.connectionState = 'closed';
  }
}

export interface FakeElement {
  srcObject: unknown;
  inPage: boolean;
  played: number;
}

interface Asked {
  allow: () => FakeTrack;
  refuse: (name: string) => void;
}

export interface Page {
  elements: FakeElement[];
  /** What `getUserMedia` waits for: one after the other, in the test's time. */
  asked: Asked[];
  permission: PermissionState;
  /** What listens on the page, by name. */
  listening: Map<string, number>;
  /** Tells those who listen. */
  happens: (name: string) => void;
  storage: Map<string, string>;
}

/** Puts it where the SDK looks for one. */
export function givePage(): Page {
  FakeConnection.all = [];
  const target = new EventTarget();
  const page: Page = {
    elements: [],
    asked: [],
    permission: 'granted',
    listening: new Map(),
    happens: (name) => void target.dispatchEvent(new Event(name)),
    storage: new Map(),
  };
  const count = (name: string, by: number): void => {
    page.listening.set(name, (page.listening.get(name) ?? 0) + by);
  };
  const addEventListener = (
    name: string,
    listener: EventListener,
    options: { signal?: AbortSignal } = {},
  ): void => {
    count(name, 1);
    options.signal?.addEventListener('abort', () => count(name, -1));
    target.addEventListener(name, listener, options);
  };
  const removeEventListener = (name: string, listener: EventListener): void => {
    count(name, -1);
    target.removeEventListener(name, listener);
  };
  const createElement = (): object => {
    const element = {
      srcObject: null,
      inPage: false,
      played: 0,
      dataset: {},
      play: () => {
        element.played += 1;
        return Promise.resolve();
      },
      remove: () => (element.inPage = false),
    };
    page.elements.push(element);
    return element;
  };
  const getUserMedia = (): Promise<object> =>
    new Promise((resolve, reject) => {
      page.asked.push({
        allow: () => {
          const track = new FakeTrack();
          resolve({ getAudioTracks: () => [track] });
          return track;
        },
        refuse: (name) => reject(new DOMException('', name)),
      });
    });
  vi.stubGlobal('WebSocket', WebSocket);
  vi.stubGlobal('RTCPeerConnection', FakeConnection);
  vi.stubGlobal('MediaStream', Object);
  vi.stubGlobal('location', { origin: 'http://127.0.0.1' });
  vi.stubGlobal('addEventListener', addEventListener);
  vi.stubGlobal('document', {
    hidden: false,
    addEventListener,
    createElement,
    body: { append: (element: FakeElement) => (element.inPage = true) },
  });
  vi.stubGlobal('navigator', {
    mediaDevices: { getUserMedia, addEventListener, removeEventListener },
    permissions: { query: () => Promise.resolve({ state: page.permission }) },
  });
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => page.storage.get(key) ?? null,
    setItem: (key: string, value: string) => page.storage.set(key, value),
  });
  return page;
}

/** Lets everything that is due happen. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
