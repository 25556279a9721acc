// The service worker: the app's shell for when the server is away, and push messages.
//
// It keeps the pages' one HTML and the hashed files under assets/, of one build together, and nothing
// else: the API, avatars and the SDK pass it by. A page is always asked of the server first, so that no
// old one outlives an update. A new build's worker waits until the pages of the old one are closed.

export {};
declare const self: ServiceWorkerGlobalScope;
/** Of this build (vite.worker.config.ts). */
declare const SHELL: { version: string; files: string[] };

const CACHE = `palco-shell-${SHELL.version}`;
const PAGE = '/';

self.addEventListener('install', (event) => {
  event.waitUntil(keepShell());
});

async function keepShell(): Promise<void> {
  const cache = await caches.open(CACHE);
  // The hashed ones may come from the browser's own cache; the page must be this moment's.
  await cache.addAll([...SHELL.files, new Request(PAGE, { cache: 'reload' })]);
}

self.addEventListener('activate', (event) => {
  event.waitUntil(forgetOthers());
});

async function forgetOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  // The first visit is covered too, not only the second.
  await self.clients.claim();
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.mode === 'navigate') event.respondWith(page(request));
  else if (SHELL.files.includes(url.pathname)) event.respondWith(file(request));
});

/** Every address has the same page; which one it shows is the app's. */
async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(PAGE, { cacheName: CACHE });
    if (kept) return kept;
    throw error;
  }
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

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const { url } = event.notification.data as { url: string };
  event.waitUntil(show(url));
});

async function show(url: string): Promise<void> {
  const windows = await self.clients.matchAll({ type: 'window' });
  const there = windows.find((client) => client.url === url);
  // A page with a room is somebody listening: it is left in peace.
  const idle = windows.find((client) => !new URL(client.url).pathname.startsWith('/r/'));
  if (there) await there.focus();
  else if (idle) await (await idle.navigate(url))?.focus();
  else await self.clients.openWindow(url);
}
