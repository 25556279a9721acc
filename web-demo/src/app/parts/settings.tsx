// Language, theme and devices. The choice of devices is kept on this device.

import { useEffect, useState } from 'preact/hooks';
import { canChooseOutput, listDevices, onDevicesChanged, type DeviceKind } from '../../sdk';
import { keep, kept } from '../device';
import { chooseLanguage, language, LANGUAGES, t, type Language } from '../i18n';
import { attempt, palco } from '../store';
import { chooseTheme, theme, THEMES, type Theme } from '../theme';
import { Dialog } from './dialog';

const STORED = 'palco.devices';

interface Devices {
  microphone?: string;
  output?: string;
  processing?: boolean;
}

function stored(): Devices {
  try {
    return JSON.parse(kept(STORED) ?? '{}') as Devices;
  } catch {
    return {};
  }
}

function store(change: Devices): void {
  keep(STORED, JSON.stringify({ ...stored(), ...change }));
}

/** At the start of the page: what was chosen last time. */
export function applyDevices(): void {
  const { microphone, output, processing = true } = stored();
  void palco.microphone.change({ deviceId: microphone, processing });
  if (output !== undefined && canChooseOutput()) void palco.playback.setOutput(output);
}

export function useDevices(kind: DeviceKind): MediaDeviceInfo[] {
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  useEffect(() => {
    const read = (): void => void listDevices(kind).then(setDevices);
    read();
    // Opened: now the browser names them.
    const stops = [onDevicesChanged(read), palco.microphone.on('track', read)];
    return () => stops.forEach((stop) => stop());
  }, [kind]);
  return devices;
}

export function MicrophoneChoice() {
  const devices = useDevices('audioinput');
  const [chosen, setChosen] = useState(() => stored().microphone ?? 'default');
  if (devices.length < 2) return null;
  const choose = async (deviceId: string): Promise<void> => {
    setChosen(deviceId);
    // One that does not start is no choice: the former one goes on.
    if (await attempt(() => palco.microphone.change({ deviceId }))) store({ microphone: deviceId });
    else setChosen(chosen);
  };
  return (
    <label class="field">
      <span>{t('mic.device')}</span>
      <select
        value={chosen}
        data-testid="microphone-device"
        onChange={(event) => void choose(event.currentTarget.value)}
      >
        {devices.map((device, at) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || t('mic.device.unnamed', { number: at + 1 })}
          </option>
        ))}
      </select>
    </label>
  );
}

function OutputChoice() {
  const devices = useDevices('audiooutput');
  if (devices.length < 2 || !canChooseOutput()) return null;
  return (
    <label class="field">
      <span>{t('settings.output')}</span>
      <select
        value={stored().output ?? 'default'}
        data-testid="output-device"
        onChange={(event) => {
          const output = event.currentTarget.value;
          store({ output });
          void attempt(() => palco.playback.setOutput(output));
        }}
      >
        {devices.map((device) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Settings({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t('settings.title')} onClose={onClose} testId="settings">
      <AppearanceSettings />
      <SoundSettings />
    </Dialog>
  );
}

export function AppearanceSettings() {
  return (
    <>
      <label class="field">
        <span>{t('settings.language')}</span>
        <select
          value={language.value}
          data-testid="language"
          onChange={(event) => {
            const choice = event.currentTarget.value as Language;
            void attempt(() => chooseLanguage(choice));
          }}
        >
          {Object.entries(LANGUAGES).map(([code, name]) => (
            <option key={code} value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <fieldset class="field">
        <legend>{t('settings.theme')}</legend>
        <div class="segments">
          {THEMES.map((choice) => (
            <label key={choice}>
              <input
                type="radio"
                name="theme"
                checked={theme.value === choice}
                onChange={() => chooseTheme(choice satisfies Theme)}
              />
              <span>{t(`settings.theme.${choice}`)}</span>
            </label>
          ))}
        </div>
      </fieldset>
    </>
  );
}

export function SoundSettings() {
  const [processing, setProcessing] = useState(palco.microphone.settings.processing);
  return (
    <>
      <MicrophoneChoice />
      <OutputChoice />
      <label class="switch">
        <span>
          {t('settings.processing')}
          <small>{t('settings.processing.hint')}</small>
        </span>
        <input
          type="checkbox"
          role="switch"
          checked={processing}
          onChange={(event) => {
            const on = event.currentTarget.checked;
            setProcessing(on);
            store({ processing: on });
            void attempt(() => palco.microphone.change({ processing: on }));
          }}
        />
      </label>
    </>
  );
}
