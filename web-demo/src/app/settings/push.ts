// Web Push for this browser: asking for it, registering it at the server, taking it back.

import { codeOf } from '../../sdk';
import * as api from '../api';

/** `unsupported` by this browser, `none` from this server. */
export type PushState = 'on' | 'off' | 'denied' | 'failed' | 'unsupported' | 'none';

async function worker(): Promise<ServiceWorkerRegistration | undefined> {
  if (!('serviceWorker' in navigator) || !('PushManager' in window)) return undefined;
  return navigator.serviceWorker.getRegistration();
}

export async function pushState(): Promise<PushState> {
  const registration = await worker();
  if (!registration) return 'unsupported';
  if (await registration.pushManager.getSubscription()) return 'on';
  return 'off';
}

/** Call it from a tap: browsers ask for permission only then. */
export async function startPush(): Promise<PushState> {
  const registration = await worker();
  if (!registration) return 'unsupported';
  if ((await Notification.requestPermission()) !== 'granted') return 'denied';
  try {
    const { key } = await api.pushKey();
    const subscription = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: key,
    });
    await api.subscribePush(subscription.toJSON());
    return 'on';
  } catch (error) {
    return codeOf(error) === 'not_found' ? 'none' : 'failed';
  }
}

export async function stopPush(): Promise<PushState> {
  try {
    const subscription = await (await worker())?.pushManager.getSubscription();
    if (subscription) {
      await api.endPush(subscription.endpoint);
      await subscription.unsubscribe();
    }
    return 'off';
  } catch {
    return 'failed';
  }
}
