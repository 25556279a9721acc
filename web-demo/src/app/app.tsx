import { useEffect, useMemo, useRef } from 'preact/hooks';
import { t } from './i18n';
import { pageOf } from './pages';
import { News } from './parts/news';
import { Notices } from './parts/notices';
import { address } from './router';

export function App() {
  const here = address.value;
  const { Page, params } = useMemo(() => pageOf(here), [here.path]);
  const first = useRef(true);
  useEffect(() => {
    // The reader of a screen hears where a link has led; the first page the browser reads by itself.
    if (first.current) first.current = false;
    else document.querySelector<HTMLElement>('main h1')?.focus();
  }, [here.path]);
  return (
    <>
      <a class="skip" href="#main">
        {t('app.skip')}
      </a>
      <Page key={here.path} params={params} {...here} />
      <News />
      <Notices />
    </>
  );
}
