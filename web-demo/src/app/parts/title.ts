// The name of the page in the browser's tab and in what a screen reader says of it.

import { useEffect } from 'preact/hooks';
import { t } from '../i18n';

export function useTitle(title?: string): void {
  const text = title === undefined ? t('app.name') : `${title} · ${t('app.name')}`;
  useEffect(() => {
    document.title = text;
  }, [text]);
}
