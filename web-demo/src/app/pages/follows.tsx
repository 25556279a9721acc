// Who follows somebody, and whom they follow.

import * as api from '../api';
import { t } from '../i18n';
import type { PageProps } from '../pages';
import { PageFrame } from '../parts/page';
import { PeopleList } from '../parts/people';
import { follow } from '../router';
import { profilePath } from '../store';

export function FollowsPage({ params, path }: PageProps) {
  const handle = params['handle'] ?? '';
  const followers = path.endsWith('/followers');
  const read = followers ? api.followers : api.following;
  return (
    <PageFrame
      title={t(followers ? 'profile.followers' : 'profile.follows')}
      aside={
        <a href={profilePath(handle)} onClick={follow}>
          <bdi>{`@${handle}`}</bdi>
        </a>
      }
    >
      <PeopleList what={path} read={(cursor) => read(handle, cursor)} empty={t('profile.nobody')} />
    </PageFrame>
  );
}
