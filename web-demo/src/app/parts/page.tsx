// The frame of a page with a title: the header, one column, and the words for when nothing can be shown.

import type { ComponentChildren } from 'preact';
import { t } from '../i18n';
import { address, follow } from '../router';
import { member } from '../store';
import { Header } from './header';
import { Icon } from './icon';
import { useTitle } from './title';

interface PageFrameProps {
  title: string;
  children: ComponentChildren;
  /** Beside the title. */
  aside?: ComponentChildren;
  testId?: string;
}

export function PageFrame({ title, children, aside, testId }: PageFrameProps) {
  useTitle(title);
  return (
    <>
      <Header />
      <main class="page" id="main" data-testid={testId}>
        <div class="page-head">
          <h1 tabIndex={-1}>{title}</h1>
          {aside}
        </div>
        {children}
      </main>
    </>
  );
}

/** What only somebody with an account may see; others are shown the way to one. */
export function ForMembers({ title, children }: { title: string; children: () => ComponentChildren }) {
  if (member.value) return <>{children()}</>;
  const to = `?to=${encodeURIComponent(address.value.path)}`;
  return (
    <PageFrame title={title}>
      <div class="card empty" data-testid="account-needed">
        <Icon name="person" />
        <p>{t('sign.needed')}</p>
        <p class="quiet">{t('sign.needed.text')}</p>
        <div class="actions-row empty-actions">
          <a class="button primary" href={`/signin${to}`} onClick={follow}>
            {t('sign.in')}
          </a>
          <a class="button" href={`/signup${to}`} onClick={follow}>
            {t('sign.up')}
          </a>
        </div>
      </div>
    </PageFrame>
  );
}
