// The page of a planned room, at the address that will be the room's: what, when, with whom, and a yes.
// When it begins, the page becomes the room's door by itself.

import { useEffect, useState } from 'preact/hooks';
import type { Person, Scheduled } from '../../sdk';
import * as api from '../api';
import { formatNumber, t, tn } from '../i18n';
import { distance, formatDistance, formatDuration, formatMoment, languageName } from '../i18n/dates';
import { Dialog } from '../parts/dialog';
import { Header } from '../parts/header';
import { Icon } from '../parts/icon';
import { PeopleList, PersonLink } from '../parts/people';
import { Leaf } from '../parts/rooms';
import { ShareLink } from '../parts/share-link';
import { Topics } from '../parts/tags';
import { useTitle } from '../parts/title';
import { follow, navigate } from '../router';
import { attempt, enterRoom, member, notify, palco } from '../store';
import '../styles/plan.css';

interface PlanProps {
  plan: Scheduled;
  set: (plan: Scheduled) => void;
}

export function Plan({ plan, set }: PlanProps) {
  useTitle(plan.title);
  const over = plan.state === 'ended' || plan.state === 'cancelled';
  return (
    <>
      <Header />
      <main class="page" id="main" data-testid="plan" data-state={plan.state}>
        <section class="card plan-page">
          <When plan={plan} />
          <h1 tabIndex={-1}>
            <bdi>{plan.title}</bdi>
          </h1>
          {plan.description !== '' && <p class="plan-about">{plan.description}</p>}
          <Hosts plan={plan} />
          <Facts plan={plan} />
          {over ? (
            <p class="banner" role="status">
              {t(plan.state === 'cancelled' ? 'plan.cancelled.text' : 'plan.ended.text')}
            </p>
          ) : (
            <Actions plan={plan} set={set} />
          )}
        </section>
        {plan.you_host && (
          <section aria-labelledby="attendees">
            <h2 id="attendees">{t('plan.attendees')}</h2>
            <PeopleList
              what={`${plan.id} ${plan.going}`}
              read={(cursor) => api.attendees(plan.id, cursor)}
              empty={t('plan.attendees.none')}
            />
          </section>
        )}
      </main>
    </>
  );
}

function When({ plan }: { plan: Scheduled }) {
  const { state, starts_at_ms: starts } = plan;
  return (
    <div class="plan-when">
      <Leaf ms={starts} />
      <div>
        <p class="plan-state" data-testid="plan-when">
          {state === 'planned' ? <Countdown toMs={starts} /> : t(`plan.${state}`)}
        </p>
        <time class="quiet" dateTime={new Date(starts).toISOString()}>
          {formatMoment(starts)}
        </time>
      </div>
    </div>
  );
}

/** Drawn anew only when its words change. */
function Countdown({ toMs }: { toMs: number }) {
  const [nowMs, setNowMs] = useState(Date.now);
  const away = distance(toMs, nowMs);
  useEffect(() => {
    const timer = setTimeout(() => setNowMs(Date.now()), away.changesInMs);
    return () => clearTimeout(timer);
  }, [toMs, nowMs]);
  if (away.value <= 0 && away.unit === 'second')
    return <>{t('plan.begins', { when: t('plan.any.moment') })}</>;
  return <>{toMs < nowMs ? t('plan.late') : t('plan.begins', { when: formatDistance(away) })}</>;
}

function Hosts({ plan }: { plan: Scheduled }) {
  const row = (person: Person, role: string) => (
    <li key={person.id}>
      <PersonLink person={person}>
        <small class="quiet">{role}</small>
      </PersonLink>
    </li>
  );
  return (
    <ul class="plan-hosts">
      {row(plan.host, t('plan.host'))}
      {plan.co_hosts.map((person) => row(person, t('plan.cohost')))}
    </ul>
  );
}

function Facts({ plan }: { plan: Scheduled }) {
  return (
    <>
      <ul class="plan-facts">
        <li data-testid="going" data-count={plan.going}>
          <Icon name="people" />
          <span>
            {tn('plan.going', plan.going)}
            {plan.capacity !== undefined && `, ${t('plan.capacity', { count: formatNumber(plan.capacity) })}`}
          </span>
        </li>
        {plan.kind !== 'open' && (
          <li>
            <Icon name="lock" />
            {t(`social.kind.${plan.kind}`)}
          </li>
        )}
        {plan.registration_required && (
          <li>
            <Icon name="check" />
            {t('plan.registration')}
          </li>
        )}
        {plan.max_duration_ms !== undefined && (
          <li>
            <Icon name="clock" />
            {t('plan.duration', { duration: formatDuration(plan.max_duration_ms) })}
          </li>
        )}
        {plan.language !== undefined && (
          <li>
            <Icon name="globe" />
            {languageName(plan.language)}
          </li>
        )}
      </ul>
      <Topics topics={plan.topics} />
    </>
  );
}

function Actions({ plan, set }: PlanProps) {
  const [sheet, setSheet] = useState<'share' | 'cancel' | undefined>(undefined);
  const close = (): void => setSheet(undefined);
  return (
    <>
      <div class="plan-actions">
        {plan.you_host ? <Start plan={plan} /> : <Yes plan={plan} set={set} />}
        <a class="button" href={api.calendarAddress(plan.id)} download data-testid="calendar">
          <Icon name="calendar" />
          {t('plan.calendar')}
        </a>
        <button type="button" class="button" onClick={() => setSheet('share')} data-testid="open-share">
          <Icon name="share" />
          {t('plan.share')}
        </button>
        {plan.host.id === member.value?.id && plan.state === 'planned' && (
          <>
            <a class="button" href={`/r/${plan.id}/edit`} onClick={follow} data-testid="edit-plan">
              <Icon name="edit" />
              {t('plan.edit')}
            </a>
            <button
              type="button"
              class="button danger-soft"
              onClick={() => setSheet('cancel')}
              data-testid="cancel-plan"
            >
              {t('plan.cancel')}
            </button>
          </>
        )}
      </div>
      {plan.you_go && <p class="quiet small">{t('plan.wait')}</p>}
      {sheet === 'share' && (
        <Dialog title={t('share.title')} onClose={close} testId="share">
          <ShareLink url={location.origin + plan.path} title={plan.title} />
        </Dialog>
      )}
      {sheet === 'cancel' && <CallOff plan={plan} set={set} onClose={close} />}
    </>
  );
}

function Start({ plan }: { plan: Scheduled }) {
  const [busy, setBusy] = useState(false);
  const start = async (): Promise<void> => {
    palco.prepareAudio();
    setBusy(true);
    await attempt(async () => enterRoom((await api.startScheduled(plan.id)).id));
    setBusy(false);
  };
  return (
    <button
      type="button"
      class="button primary"
      aria-disabled={busy}
      onClick={() => void start()}
      data-testid="start-plan"
    >
      <Icon name="mic" />
      {busy ? t('plan.starting') : plan.state === 'live' ? t('plan.enter') : t('plan.start')}
    </button>
  );
}

function Yes({ plan, set }: PlanProps) {
  const press = (): void => {
    if (!member.value) {
      navigate(`/signup?to=${encodeURIComponent(plan.path)}`);
      return;
    }
    void attempt(async () => {
      set(await (plan.you_go ? api.takeBackYes(plan.id) : api.sayYes(plan.id)));
      notify(t(plan.you_go ? 'plan.rsvp.undone' : 'plan.rsvp.done'));
    });
  };
  return (
    <button
      type="button"
      class={plan.you_go ? 'button' : 'button primary'}
      aria-pressed={plan.you_go}
      onClick={press}
      data-testid="rsvp"
    >
      <Icon name={plan.you_go ? 'check' : 'hand'} />
      {plan.you_go
        ? t('plan.rsvp.take.back')
        : t(plan.registration_required ? 'plan.rsvp.register' : 'plan.rsvp')}
    </button>
  );
}

function CallOff({ plan, set, onClose }: PlanProps & { onClose: () => void }) {
  const callOff = async (): Promise<void> => {
    const done = await attempt(async () => {
      await api.callOff(plan.id);
      set({ ...plan, state: 'cancelled' });
    });
    onClose();
    if (done) notify(t('plan.cancelled.done'));
  };
  return (
    <Dialog title={t('plan.cancel.title')} onClose={onClose}>
      <p>{t('plan.cancel.text')}</p>
      <div class="actions">
        <button
          type="button"
          class="button danger wide"
          onClick={() => void callOff()}
          data-testid="confirm-cancel"
        >
          {t('plan.cancel')}
        </button>
        <button type="button" class="button wide" onClick={onClose}>
          {t('plan.cancel.keep')}
        </button>
      </div>
    </Dialog>
  );
}
