import { useEffect } from 'preact/hooks';
import { t } from './i18n';
import { Notices } from './parts/notices';
import { Hallway } from './pages/hallway';
import { Over } from './pages/over';
import { RoomPage } from './pages/room';
import { route } from './router';
import { room } from './store';

export function App() {
  const here = route.value;
  const title = room.value?.room.title;
  useEffect(() => {
    document.title =
      here.page === 'room' && title !== undefined ? `${title} · ${t('app.name')}` : t('app.name');
  }, [here.page, title]);
  return (
    <>
      <a class="skip" href="#main">
        {t('app.skip')}
      </a>
      {here.page === 'hallway' && <Hallway />}
      {here.page === 'room' && <RoomPage key={here.id} id={here.id} link={here.link} />}
      {here.page === 'nowhere' && <Over reason="notfound" />}
      <Notices />
    </>
  );
}
