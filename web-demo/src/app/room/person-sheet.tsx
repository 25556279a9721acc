// A person, and what your role lets you do with them. What cannot be undone is asked once more.

import { useState } from 'preact/hooks';
import { memberOf, type Person, type RoomState } from '../../sdk';
import { t, type Key } from '../i18n';
import { Avatar } from '../parts/avatar';
import { Dialog } from '../parts/dialog';
import { attempt, hosts, moderates, notify, owns, palco } from '../store';
import { Acquaintance } from './acquaintance';

interface PersonSheetProps {
  state: RoomState;
  person: Person;
  onClose: () => void;
}

interface Action {
  key: Key;
  testId: string;
  run: () => Promise<unknown>;
  /** The question asked first. */
  ask?: string;
  danger?: boolean;
}

export function PersonSheet({ state, person, onClose }: PersonSheetProps) {
  const [asking, setAsking] = useState<Action | undefined>(undefined);
  const [reporting, setReporting] = useState(false);
  const member = memberOf(state, person.id);
  const role = member?.role ?? 'listener';
  const you = person.id === state.you.person.id;
  const actions = you ? actionsOnYourself(state) : actionsOn(state, person);

  const run = async (action: Action): Promise<void> => {
    if (await attempt(action.run)) onClose();
  };
  return (
    <Dialog title={person.name} onClose={onClose} testId="person-sheet">
      <div class="person">
        <Avatar person={person} size="l" />
        <div>
          <p>{t(`role.${role}`)}</p>
          {person.handle !== undefined && <p class="quiet">{`@${person.handle}`}</p>}
          {person.headline !== undefined && <p>{person.headline}</p>}
        </div>
      </div>
      {!you && !person.guest && !asking && !reporting && <Acquaintance person={person} onDone={onClose} />}
      {asking ? (
        <div class="actions">
          <p role="alert">{asking.ask}</p>
          <button
            type="button"
            class="button danger wide"
            onClick={() => void run(asking)}
            data-testid="confirm-action"
          >
            {t('person.sure')}
          </button>
          <button type="button" class="button wide" onClick={() => setAsking(undefined)}>
            {t('app.cancel')}
          </button>
        </div>
      ) : reporting ? (
        <Report person={person} onDone={onClose} />
      ) : (
        <div class="actions">
          {actions.map((action) => (
            <button
              key={action.key}
              type="button"
              class={action.danger ? 'button danger-soft wide' : 'button wide'}
              onClick={() => (action.ask === undefined ? void run(action) : setAsking(action))}
              data-testid={action.testId}
            >
              {t(action.key as 'person.mute')}
            </button>
          ))}
          {!you && (
            <button
              type="button"
              class="button plain wide"
              onClick={() => setReporting(true)}
              data-testid="report"
            >
              {t('person.report')}
            </button>
          )}
        </div>
      )}
    </Dialog>
  );
}

function actionsOnYourself(state: RoomState): Action[] {
  if (!memberOf(state, state.you.person.id) || state.you.role === 'host') return [];
  return [{ key: 'bar.step.down', testId: 'step-down-here', run: palco.stepDown }];
}

/** The permission table, as the server enforces it, for showing only what can be done. */
function actionsOn(state: RoomState, person: Person): Action[] {
  if (!moderates.value) return [];
  const member = memberOf(state, person.id);
  const { id, name } = person;
  const actions: Action[] = [];
  if (!member) {
    if (!state.invitations.has(id)) {
      actions.push({ key: 'person.invite', testId: `invite-${id}`, run: () => palco.invite(id) });
    }
  } else if (member.role !== 'host') {
    if (member.muted_by_moderator) {
      actions.push({ key: 'person.allow', testId: 'allow-unmute', run: () => palco.allowUnmute(id) });
    } else {
      actions.push({ key: 'person.mute', testId: 'mute-speaker', run: () => palco.muteSpeaker(id) });
    }
    actions.push({ key: 'person.move', testId: 'move-to-audience', run: () => palco.moveToAudience(id) });
  }
  if (hosts.value && member && member.role !== 'host') {
    actions.push(
      member.role === 'moderator'
        ? { key: 'person.moderator.revoke', testId: 'revoke-moderator', run: () => palco.revokeModerator(id) }
        : { key: 'person.moderator.make', testId: 'make-moderator', run: () => palco.makeModerator(id) },
    );
  }
  if (owns.value && member && member.role !== 'host') {
    actions.push({
      key: 'person.host',
      testId: 'transfer-host',
      run: () => palco.transferHost(id),
      ask: t('person.host.confirm', { name }),
    });
  }
  if (member?.role !== 'host') {
    actions.push(
      {
        key: 'person.remove',
        testId: 'remove',
        run: () => palco.remove(id),
        ask: t('person.remove.confirm', { name }),
        danger: true,
      },
      {
        key: 'person.ban',
        testId: 'ban',
        run: () => palco.remove(id, true),
        ask: t('person.ban.confirm', { name }),
        danger: true,
      },
    );
  }
  return actions;
}

/** As the server limits it. */
const REPORT_MAX_CHARS = 500;

function Report({ person, onDone }: { person: Person; onDone: () => void }) {
  const [reason, setReason] = useState('');
  const send = async (): Promise<void> => {
    if (!(await attempt(() => palco.report(person.id, reason.trim())))) return;
    notify(t('person.reported'));
    onDone();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <label class="field">
        <span>{t('person.report.reason')}</span>
        <textarea
          required
          rows={3}
          maxLength={REPORT_MAX_CHARS}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      <button class="button primary wide">{t('person.report.send')}</button>
    </form>
  );
}
