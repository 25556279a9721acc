// A room of one's own, now or later; and the change of one that is planned.

import { useState } from 'preact/hooks';
import { LIMITS, type HandPolicy, type Person, type RoomKind, type Scheduled } from '../../sdk';
import * as api from '../api';
import { t } from '../i18n';
import { HOUR_MS, MINUTE_MS } from '../i18n/dates';
import type { PageProps } from '../pages';
import { Field, valuesOf } from '../parts/field';
import { languageOptions } from '../parts/languages';
import { useLoad } from '../parts/load';
import { ForMembers, PageFrame } from '../parts/page';
import { PeoplePicker } from '../parts/picker';
import { Seminar } from '../parts/seminar';
import { Tags, withTopic } from '../parts/tags';
import { navigate } from '../router';
import { enterRoom, errorText, notify, palco } from '../store';
import { Over } from './over';
import '../styles/forms.css';

const KINDS = ['open', 'social', 'closed'] as const satisfies readonly RoomKind[];
const POLICIES = ['everyone', 'followed', 'off'] as const satisfies readonly HandPolicy[];

export function StartPage({ query }: PageProps) {
  return (
    <ForMembers title={t('start.title')}>
      {() => (
        <PageFrame title={t('start.title')}>
          <Form startsLater={query.has('later')} />
        </PageFrame>
      )}
    </ForMembers>
  );
}

export function EditPlan({ params }: PageProps) {
  const id = params['room'] ?? '';
  return (
    <ForMembers title={t('start.edit')}>
      {() => (
        <PageFrame title={t('start.edit')}>
          <Loaded id={id} />
        </PageFrame>
      )}
    </ForMembers>
  );
}

function Loaded({ id }: { id: string }) {
  const { value, failure } = useLoad(id, () => api.scheduled(id));
  if (failure !== undefined) return <p class="banner banner-bad">{errorText(failure)}</p>;
  if (!value) return <div class="card form-card skeleton" aria-busy="true" />;
  return value.you_host ? <Form plan={value} startsLater /> : <Over reason="notfound" />;
}

/** `2026-11-26T18:00`, as a date input wants it, in this place's time. */
function localInput(ms: number): string {
  const date = new Date(ms);
  return new Date(ms - date.getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 16);
}

/** The next full hour that is not almost here. */
function nextHour(): number {
  return Math.ceil((Date.now() + HOUR_MS / 2) / HOUR_MS) * HOUR_MS;
}

function Form({ plan, startsLater }: { plan?: Scheduled; startsLater: boolean }) {
  const [later, setLater] = useState(startsLater);
  /** Whether the rest is open; undefined until somebody, or planning, opened it. Then it stays as they want it. */
  const [rest, setRest] = useState<boolean | undefined>(startsLater || undefined);
  const [kind, setKind] = useState<RoomKind>(plan?.kind ?? 'open');
  const [topics, setTopics] = useState(plan?.topics ?? []);
  const [invited, setInvited] = useState<Person[]>(plan?.invited ?? []);
  const [coHosts, setCoHosts] = useState<Person[]>(plan?.co_hosts ?? []);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | undefined>(undefined);

  const goLive = async (values: Record<string, string>): Promise<void> => {
    const { title = '', description = '', language = '', hands = 'everyone', topic } = values;
    const created = await palco.createRoom({
      title,
      ...(description.trim() === '' ? {} : { description }),
      ...(language === '' ? {} : { language }),
      kind,
      hand_policy: hands as HandPolicy,
      topics: withTopic(topics, topic),
      invited: kind === 'closed' ? invited.map(({ id }) => id) : [],
    });
    enterRoom(created.id);
  };

  const putInPlan = async (values: Record<string, string>): Promise<void> => {
    const { title = '', description = '', language = '', starts = '', topic } = values;
    const wanted = {
      title,
      description,
      language,
      topics: withTopic(topics, topic),
      kind,
      starts_at_ms: new Date(starts).getTime(),
      co_hosts: coHosts.map(({ id }) => id),
      invited: kind === 'closed' ? invited.map(({ id }) => id) : [],
      capacity: Number(values['capacity'] ?? 0),
      max_duration_ms: Number(values['duration'] ?? 0),
      registration_required: values['registration'] === 'on',
    };
    const kept = plan
      ? await api.updateScheduled(plan.id, wanted)
      : // What is not set is left out: empty and 0 take away what there is, and here there is nothing.
        await api.schedule({
          ...wanted,
          language: language || undefined,
          capacity: wanted.capacity || undefined,
          max_duration_ms: wanted.max_duration_ms || undefined,
        } as Parameters<typeof api.schedule>[0]);
    notify(t(plan ? 'start.saved' : 'start.planned'));
    navigate(kept.path);
  };

  const submit = (form: HTMLFormElement): void => {
    const values = valuesOf(form);
    setRefusal(undefined);
    if (later && !(new Date(values['starts'] ?? '').getTime() > Date.now())) {
      setRefusal(t('start.past'));
      return;
    }
    if (kind === 'closed' && invited.length === 0 && values['registration'] !== 'on') {
      setRefusal(t('start.invite.empty'));
      return;
    }
    // First of all, while the tap counts: sound may start.
    if (!later) palco.prepareAudio();
    setBusy(true);
    (later ? putInPlan(values) : goLive(values)).catch((error: unknown) => {
      setRefusal(errorText(error));
      setBusy(false);
    });
  };

  return (
    <form
      class="card form-card"
      onSubmit={(event) => {
        event.preventDefault();
        submit(event.currentTarget);
      }}
      data-testid="start-form"
    >
      {!plan && (
        <fieldset class="field">
          <legend>{t('start.when')}</legend>
          <div class="segments">
            {([false, true] as const).map((choice) => (
              <label key={String(choice)}>
                <input
                  type="radio"
                  name="when"
                  checked={later === choice}
                  onChange={() => {
                    setLater(choice);
                    if (choice) setRest((before) => before ?? true);
                  }}
                  data-testid={choice ? 'start-later' : 'start-now'}
                />
                <span>{t(choice ? 'start.later' : 'start.now')}</span>
              </label>
            ))}
          </div>
        </fieldset>
      )}
      {later && (
        <Field
          label={t('start.date')}
          name="starts"
          type="datetime-local"
          required
          defaultValue={localInput(plan?.starts_at_ms ?? nextHour())}
          testId="starts-input"
        />
      )}
      <Field
        label={t('form.title')}
        name="title"
        required
        autocomplete="off"
        maxLength={LIMITS.titleMaxChars}
        placeholder={t('form.title.placeholder')}
        defaultValue={plan?.title ?? ''}
        testId="title-input"
      />
      <Kind kind={kind} onChange={setKind} />
      {kind === 'closed' && (
        <PeoplePicker
          label={t('start.invited')}
          chosen={invited}
          onChange={setInvited}
          max={later ? LIMITS.invitedMax : 100}
          testId="invited"
        />
      )}
      {/* One who goes live now has a title and a button; one who plans has the time for the rest. */}
      <details
        class="more-fields"
        open={rest === true}
        onToggle={(event) => setRest(event.currentTarget.open)}
      >
        <summary data-testid="start-more">{t('start.more')}</summary>
        <label class="field">
          <span>{t('start.description')}</span>
          <textarea
            name="description"
            rows={2}
            maxLength={LIMITS.descriptionMaxChars}
            defaultValue={plan?.description ?? ''}
            data-testid="description-input"
          />
        </label>
        {later && (
          <PeoplePicker
            label={t('start.cohosts')}
            hint={t('start.cohosts.hint')}
            chosen={coHosts}
            onChange={setCoHosts}
            max={LIMITS.coHostsMax}
            testId="co-hosts"
          />
        )}
        <Tags label={t('start.topics')} tags={topics} onChange={setTopics} testId="topics-input" />
        <div class="form-pair">
          <label class="field">
            <span>{t('start.language')}</span>
            <select name="language" defaultValue={plan?.language ?? ''}>
              <option value="">{t('start.language.none')}</option>
              {languageOptions().map(([code, name]) => (
                <option key={code} value={code} selected={code === plan?.language}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          {!later && (
            <label class="field">
              <span>{t('start.hands')}</span>
              <select name="hands">
                {POLICIES.map((policy) => (
                  <option key={policy} value={policy}>
                    {t(`hands.policy.${policy}`)}
                  </option>
                ))}
              </select>
            </label>
          )}
        </div>
      </details>
      {later && <Seminar plan={plan} />}
      {refusal !== undefined && (
        <p class="banner banner-bad" role="alert" data-testid="start-refused">
          {refusal}
        </p>
      )}
      <button class="button primary wide" aria-disabled={busy} data-testid="start-room">
        {busy
          ? t(later ? 'start.planning' : 'form.starting')
          : t(plan ? 'start.save' : later ? 'start.plan' : 'form.start')}
      </button>
    </form>
  );
}

function Kind({ kind, onChange }: { kind: RoomKind; onChange: (kind: RoomKind) => void }) {
  return (
    <fieldset class="field">
      <legend>{t('start.kind')}</legend>
      <div class="choices">
        {KINDS.map((choice) => (
          <label key={choice} class="choice">
            <input
              type="radio"
              name="kind"
              value={choice}
              checked={kind === choice}
              onChange={() => onChange(choice)}
              data-testid={`kind-${choice}`}
            />
            <span>
              <strong>{t(`start.kind.${choice}`)}</strong>
              <small class="quiet">{t(`start.kind.${choice}.hint`)}</small>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
