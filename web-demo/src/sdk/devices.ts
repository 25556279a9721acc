// Which microphones and loudspeakers there are. The choice itself is the microphone's
// (`microphone.change`) and the playback's (`playback.setOutput`).

export type DeviceKind = 'audioinput' | 'audiooutput';

/** Until the microphone was allowed once, a browser names none: then there is nothing to choose. */
export async function listDevices(kind: DeviceKind): Promise<MediaDeviceInfo[]> {
  const all = (await media()?.enumerateDevices()) ?? [];
  return all.filter((device) => device.kind === kind && device.deviceId !== '');
}

/** Plugged in or pulled out; returns the function that stops listening. */
export function onDevicesChanged(listener: () => void): () => void {
  media()?.addEventListener('devicechange', listener);
  return () => media()?.removeEventListener('devicechange', listener);
}

/** Whether this browser lets a page choose the loudspeaker. */
export function canChooseOutput(): boolean {
  return 'setSinkId' in HTMLMediaElement.prototype;
}

/** Absent on pages of another host without TLS: no secure context. */
function media(): MediaDevices | undefined {
  return navigator.mediaDevices;
}
