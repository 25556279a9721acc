// A link to copy, or to hand to the device's own share sheet.

import { useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import { Icon } from './icon';

const COPIED_MS = 2_000;

export function ShareLink({ url, title }: { url: string; title: string }) {
  const input = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(url);
    } catch {
      // No permission, or no secure context: the old way, by the selection.
      input.current?.select();
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way without a secure context
      document.execCommand('copy');
    }
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <>
      <input
        ref={input}
        class="share-link"
        readOnly
        value={url}
        aria-label={t('share.link')}
        onFocus={(event) => event.currentTarget.select()}
        data-testid="share-link"
      />
      <div class="actions">
        <button type="button" class="button primary wide" onClick={() => void copy()} data-testid="copy-link">
          <Icon name={copied ? 'check' : 'pin'} />
          <span aria-live="polite">{copied ? t('share.copied') : t('share.copy')}</span>
        </button>
        {'share' in navigator && (
          <button
            type="button"
            class="button wide"
            onClick={() => void navigator.share({ title, url }).catch(() => undefined)}
          >
            <Icon name="share" />
            {t('share.native')}
          </button>
        )}
      </div>
    </>
  );
}
