import { render } from 'preact';
import { App } from './app';
import { startLanguage } from './i18n';
import { guardBusyButtons } from './parts/busy';
import { applyDevices } from './parts/settings';
import { startShell } from './shell';
import { startAccount } from './store';
import './styles/tokens.css';
import './styles/controls.css';
import './styles/people.css';
import './styles/fields.css';
import './styles/dialogs.css';
import './styles/pages.css';
import './styles/head.css';
import './styles/news.css';
import './styles/hallway.css';
import './styles/entry.css';
import './styles/lists.css';
import './styles/rooms.css';
import './styles/room.css';
import './styles/bar.css';
import './styles/panel.css';

applyDevices();
startAccount();
guardBusyButtons();
await startLanguage();
const root = document.getElementById('app');
if (root) {
  root.replaceChildren();
  render(<App />, root);
}
startShell();
