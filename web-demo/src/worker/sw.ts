// The service worker: the app's shell for when the server is away, and push messages.
//
// It keeps the pages' one HTML and the hashed files under assets/, of one build together, and nothing
// else: the API, avatars and the SDK pass it by. A page is always asked of the server first, so that no
// old one outlives an update. A new build's worker waits until the pages of the old one are closed.

export {};
declare const self: ServiceWorkerGlobalScope;
/** Of this build (vite.worker.config.ts). */
declare const SHELL: { version: string; files: string[] };

const CACHES = 'palco-shell-';
const CACHE = CACHES + SHELL.version;
const PAGE = '/';
/** A page that does not say in this time where it is, is asleep. */
const ANSWER_MS = 500;
/** What a proxy says for a server that is away. */
const AWAY: readonly number[] = [502, 503, 504];

self.addEventListener('install', (event) => {
  event.waitUntil(keepShell());
});

async function keepShell(): Promise<void> {
  // The hashed ones may come from the browser's own cache; the page must be this moment's.
  const page = await fetch(PAGE, { cache: 'reload' });
  const needs = (await page.clone().text()).match(/\/assets\/[^"']+/g) ?? [];
  // Not ours, or of a build that came meanwhile: with its files missing it would show nothing. That build's own
  // worker keeps it.
  if (!page.ok || !needs.every((file) => SHELL.files.includes(file))) throw new Error('another build');
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.files);
  await cache.put(PAGE, page);
}

self.addEventListener('activate', (event) => {
  event.waitUntil(forgetOthers());
});

async function forgetOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(
    names.filter((name) => name.startsWith(CACHES) && name !== CACHE).map((name) => caches.delete(name)),
  );
  // The first visit is covered too, not only the second.
  await self.clients.claim();
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.mode === 'navigate' && !url.pathname.startsWith('/api/')) event.respondWith(page(request));
  else if (SHELL.files.includes(url.pathname)) event.respondWith(file(request));
});

/** Every address has the same page; which one it shows is the app's. */
async function page(request: Request): Promise<Response> {
  const answer = await fetch(request).catch(() => undefined);
  if (answer && !AWAY.includes(answer.status)) return answer;
  return (await caches.match(PAGE, { cacheName: CACHE })) ?? answer ?? Response.error();
}

async function file(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: CACHE })) ?? fetch(request);
}

/** What the server pushes. */
interface Message {
  id: string;
  kind: string;
  title: string;
  body: string;
  url: string;
}

self.addEventListener('push', (event) => {
  const message = read(event.data);
  event.waitUntil(
    self.registration.showNotification(message.title ?? 'Palco', {
      body: message.body ?? '',
      icon: '/icon-192.png',
      badge: '/icon-192.png',
      // The same message delivered twice is shown once.
      ...(message.id === undefined ? {} : { tag: message.id }),
      data: { url: ownUrl(message.url) },
    }),
  );
});

function read(data: PushMessageData | null): Partial<Message> {
  try {
    return (data?.json() ?? {}) as Partial<Message>;
  } catch {
    // The browser wants to see a notification for every message, a readable one or not.
    return {};
  }
}

/** A message leads to pages of this server only. */
function ownUrl(url = PAGE): string {
  const { origin } = self.location;
  try {
    const target = new URL(url, origin);
    if (target.origin === origin) return target.href;
  } catch {
    // No address at all.
  }
  return new URL(PAGE, origin).href;
}

self.addEventListener('pushsubscriptionchange', (event) => {
  // What fails here the next page repairs (settings/push.ts).
  event.waitUntil(renew(event).catch(() => undefined));
});

/** The browser renewed its subscription, or lost it: the server learns of the one that there is now. */
async function renew({ oldSubscription, newSubscription }: PushSubscriptionChangeEvent): Promise<void> {
  const { key } = (await (await fetch('/api/v1/push/key')).json()) as { key: string };
  const wanted = { userVisibleOnly: true, applicationServerKey: key };
  const subscription = newSubscription ?? (await self.registration.pushManager.subscribe(wanted));
  await tell('PUT', subscription);
  if (oldSubscription) await tell('DELETE', { endpoint: oldSubscription.endpoint });
}

async function tell(method: string, body: unknown): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  await fetch('/api/v1/push/subscriptions', { method, headers, body: JSON.stringify(body) });
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { url } = event.notification.data as { url: string };
  event.waitUntil(show(url));
});

/** In the window that shows it already; else in one where nobody is in a room, which goes there; else in a new one. */
async function show(url: string): Promise<void> {
  const { pathname, search, hash } = new URL(url);
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const asked = windows.map(async (client) => ({ client, at: await whereabouts(client) }));
  const known = await Promise.all(asked);
  const there = known.find(({ at }) => at?.path === pathname);
  const idle = known.find(({ at }) => at?.inRoom === false);
  if (!there && !idle) {
    await self.clients.openWindow(url);
    return;
  }
  if (!there) idle?.client.postMessage({ go: pathname + search + hash });
  await (there ?? idle)?.client.focus();
}

/** A client's address is the one it was loaded from, in most browsers: the page knows where it went since. */
function whereabouts(client: Client): Promise<{ path: string; inRoom: boolean } | undefined> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = (event) => resolve(event.data as { path: string; inRoom: boolean });
    setTimeout(() => resolve(undefined), ANSWER_MS);
    client.postMessage({ where: true }, [port2]);
  });
}
