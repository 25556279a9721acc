// Web Push for this browser: asking for it, registering it at the server, taking it back.

import { codeOf } from '../../sdk';
import * as api from '../api';
import { keep, kept } from '../device';
import { member } from '../store';

/** `unsupported` by this browser, `none` from this server. */
export type PushState = 'on' | 'off' | 'denied' | 'failed' | 'unsupported' | 'none';

/** Whose wish it is, on this device: a browser may lose a subscription, and somebody else may sign in. */
const WISH = 'palco.push';

/** One after another: who switches it off while it is being repaired has it off. */
let turn: Promise<unknown> = Promise.resolve();
function inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
  const done = turn.then(act);
  turn = done.catch(() => undefined);
  return done;
}

async function worker(): Promise<ServiceWorkerRegistration | undefined> {
  if (!('serviceWorker' in navigator) || !('PushManager' in window)) return undefined;
  return navigator.serviceWorker.getRegistration();
}

export async function pushState(): Promise<PushState> {
  const registration = await worker();
  if (!registration) return 'unsupported';
  return inTurn(async () => ((await registration.pushManager.getSubscription()) ? 'on' : 'off'));
}

/** Call it from a tap: browsers ask for permission only then. */
export async function startPush(): Promise<PushState> {
  const registration = await worker();
  if (!registration) return 'unsupported';
  if ((await Notification.requestPermission()) !== 'granted') return 'denied';
  try {
    await inTurn(() => subscribe(registration));
    return 'on';
  } catch (error) {
    return codeOf(error) === 'not_found' ? 'none' : 'failed';
  }
}

/** The one that there is, if there is one. */
async function subscribe({ pushManager }: ServiceWorkerRegistration): Promise<void> {
  const { key } = await api.pushKey();
  const wanted = { userVisibleOnly: true, applicationServerKey: key };
  const subscription = await pushManager.subscribe(wanted);
  await api.subscribePush(subscription.toJSON());
  keep(WISH, member.value?.id);
}

export async function stopPush(): Promise<PushState> {
  try {
    const registration = await worker();
    await inTurn(async () => {
      keep(WISH, undefined);
      const subscription = await registration?.pushManager.getSubscription();
      if (!subscription) return;
      await api.endPush(subscription.endpoint);
      await subscription.unsubscribe();
    });
    return 'off';
  } catch {
    return 'failed';
  }
}

/** When a page starts with somebody signed in: what was lost, by the browser or by the server, is there again. */
export async function repairPush(): Promise<void> {
  const registration = await worker();
  if (!registration) return;
  await inTurn(async () => {
    const subscription = await registration.pushManager.getSubscription();
    const whose = kept(WISH);
    // Whoever uses this browser now is not told what is somebody else's; who comes back has it again.
    if (whose !== undefined && whose !== member.value?.id) await subscription?.unsubscribe();
    else if (whose !== undefined || subscription) await subscribe(registration);
  });
}
