import { useEffect, useMemo, useRef } from 'preact/hooks';
import { t } from './i18n';
import { pageOf } from './pages';
import { Draining } from './parts/draining';
import { announcePage } from './parts/heading';
import { News } from './parts/news';
import { Notices } from './parts/notices';
import { Said } from './parts/said';
import { SignedOut } from './parts/signed-out';
import { address } from './router';

export function App() {
  const here = address.value;
  const { Page, params } = useMemo(() => pageOf(here), [here.path]);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else announcePage();
  }, [here.path]);
  return (
    <>
      <a class="skip" href="#main">
        {t('app.skip')}
      </a>
      <Draining />
      <SignedOut />
      <Page key={here.path} params={params} {...here} />
      <News />
      <Notices />
      <Said />
    </>
  );
}
