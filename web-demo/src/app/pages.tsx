// Which page an address shows: one line a page. The way into a room is at hand with the first script;
// pages that few open first are fetched when they are opened (`later`).

import type { ComponentType } from 'preact';
import { later } from './later';
import { Hallway } from './pages/hallway';
import { Over } from './pages/over';
import { RoomPage } from './pages/room';
import { match, type Address } from './router';

export interface PageProps extends Address {
  /** The values of the pattern's `:names`. */
  params: Record<string, string>;
}

type Page = ComponentType<PageProps>;

const FOLLOWS = later(() => import('./pages/follows').then((it) => it.FollowsPage));

const PAGES: [pattern: string, page: Page][] = [
  ['/', Hallway],
  ['/r/:room', RoomPage],
  ['/r/:room/edit', later(() => import('./pages/start').then((it) => it.EditPlan))],
  ['/new', later(() => import('./pages/start').then((it) => it.StartPage))],
  ['/search', later(() => import('./pages/search').then((it) => it.Search))],
  ['/notifications', later(() => import('./pages/notifications').then((it) => it.NotificationsPage))],
  ['/settings', later(() => import('./pages/settings').then((it) => it.SettingsPage))],
  ['/me/edit', later(() => import('./pages/edit-profile').then((it) => it.EditProfile))],
  ['/signin', later(() => import('./pages/sign').then((it) => it.SignIn))],
  ['/signup', later(() => import('./pages/sign').then((it) => it.SignUp))],
  ['/reset', later(() => import('./pages/reset').then((it) => it.Reset))],
  ['/@:handle', later(() => import('./pages/profile').then((it) => it.ProfilePage))],
  ['/@:handle/followers', FOLLOWS],
  ['/@:handle/following', FOLLOWS],
];

export function pageOf(address: Address): { Page: Page; params: Record<string, string> } {
  for (const [pattern, page] of PAGES) {
    const params = match(pattern, address.path);
    if (params) return { Page: page, params };
  }
  return { Page: Nowhere, params: {} };
}

function Nowhere() {
  return <Over reason="nopage" />;
}
