// The audience: a true count, and faces by pages on request. However many there are, only the rows
// near the screen are in the page, and a page is fetched only when it comes near.

import { useEffect, useRef, useState } from 'preact/hooks';
import { memberOf, type Counts, type Person, type RoomState } from '../../sdk';
import { t, tn } from '../i18n';
import { Avatar } from '../parts/avatar';
import { Icon } from '../parts/icon';
import { palco } from '../store';

interface AudienceProps {
  state: RoomState;
  onPerson: (person: Person) => void;
  onShare: () => void;
}

/** Of a tile and its gap, as room.css lays them out. */
const ROW_PX = 104;
const TILE_MIN_PX = 84;
const OVERSCAN_ROWS = 3;
/** After a change in the audience the list is read anew: soon in a small room, seldom in a large one. */
const REFRESH_SMALL_MS = 400;
const REFRESH_LARGE_MS = 15_000;
const SMALL_ROOM = 100;

export function Audience({ state, onPerson, onShare }: AudienceProps) {
  const { listeners } = state.counts;
  const { people: listed, more } = useAudience(state.counts, state.room.id);
  // The list is a little older than the stage: who went up is not shown twice.
  const people = listed.filter((person) => !memberOf(state, person.id));
  const grid = useRef<HTMLUListElement>(null);
  const view = useWindow(grid, people.length);
  const you = state.you.person.id;

  const shown = people.slice(view.first, view.last);
  useEffect(() => {
    if (view.last >= people.length) more();
  });
  return (
    <section aria-labelledby="audience-title">
      <h2 id="audience-title" class="section-title">
        {t('audience.title')}
        <span class="section-count" data-testid="listener-count" data-count={listeners}>
          {tn('count.listeners', listeners)}
        </span>
      </h2>
      {listeners === 0 && people.length === 0 && (
        <div class="audience-empty">
          <p class="quiet">{t('audience.empty')}</p>
          <button type="button" class="button primary" onClick={onShare} data-testid="share-first">
            <Icon name="share" />
            {t('share.title')}
          </button>
        </div>
      )}
      <ul
        class="audience"
        ref={grid}
        aria-label={t('audience.list')}
        style={{ height: people.length === 0 ? 'auto' : `${view.rows * ROW_PX}px` }}
      >
        {shown.map((person, at) => {
          const place = view.first + at;
          return (
            <li
              key={person.id}
              style={{
                insetInlineStart: `${((place % view.columns) * 100) / view.columns}%`,
                top: `${Math.floor(place / view.columns) * ROW_PX}px`,
                width: `${100 / view.columns}%`,
              }}
            >
              <button
                type="button"
                class="tile"
                aria-haspopup="dialog"
                onClick={() => onPerson(person)}
                data-testid="listener"
                data-user={person.id}
              >
                <Avatar person={person} />
                <span class="tile-name">
                  <bdi>{person.id === you ? t('you.alone') : person.name}</bdi>
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

interface Listed {
  people: Person[];
  next?: string | undefined;
  complete: boolean;
}

/** `counts`: another object whenever the audience changed, be it that one came for one who went. */
function useAudience(counts: Counts, room: string): { people: Person[]; more: () => void } {
  const [listed, setListed] = useState<Listed>({ people: [], complete: false });
  const busy = useRef(false);
  const due = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const gone = useRef(false);

  // The first page again when the audience changes; later pages stay until they are scrolled to anew.
  useEffect(() => {
    // What changes meanwhile is read with it: the count of a large room changes every second.
    if (due.current !== undefined) return;
    const delayMs = counts.listeners <= SMALL_ROOM ? REFRESH_SMALL_MS : REFRESH_LARGE_MS;
    const wait = listed.people.length === 0 ? 0 : delayMs * (0.5 + Math.random());
    due.current = setTimeout(() => {
      due.current = undefined;
      palco.audience().then(
        ({ people, next }) => {
          if (gone.current) return;
          setListed((before) => {
            if (next === undefined) return { people, complete: true };
            const rest = before.people.slice(people.length);
            return rest.length > 0 ? merge(people, before) : { people, next, complete: false };
          });
        },
        () => undefined,
      );
    }, wait);
    // Reading again must not be caused by what was read.
  }, [counts, room]);
  useEffect(
    () => () => {
      gone.current = true;
      clearTimeout(due.current);
    },
    [],
  );

  const more = (): void => {
    if (busy.current || listed.complete || listed.next === undefined) return;
    busy.current = true;
    palco
      .audience(listed.next)
      .then(
        ({ people, next }) => {
          setListed((before) => {
            const known = new Set(before.people.map((person) => person.id));
            const fresh = people.filter((person) => !known.has(person.id));
            return { people: [...before.people, ...fresh], next, complete: next === undefined };
          });
        },
        () => undefined,
      )
      .finally(() => (busy.current = false));
  };
  return { people: listed.people, more };
}

function merge(firstPage: Person[], before: Listed): Listed {
  const known = new Set(firstPage.map((person) => person.id));
  const rest = before.people.slice(firstPage.length).filter((person) => !known.has(person.id));
  return { ...before, people: [...firstPage, ...rest] };
}

interface View {
  columns: number;
  rows: number;
  first: number;
  last: number;
}

/** Which tiles are near the screen. */
function useWindow(grid: { current: HTMLElement | null }, length: number): View {
  const [view, setView] = useState<View>({ columns: 1, rows: 0, first: 0, last: 0 });
  useEffect(() => {
    const element = grid.current;
    if (!element) return;
    const measure = (): void => {
      const box = element.getBoundingClientRect();
      const columns = Math.max(1, Math.floor(box.width / TILE_MIN_PX));
      const rows = Math.ceil(length / columns);
      const from = Math.floor(-box.top / ROW_PX) - OVERSCAN_ROWS;
      const to = Math.ceil((innerHeight - box.top) / ROW_PX) + OVERSCAN_ROWS;
      const first = Math.min(length, Math.max(0, from) * columns);
      const last = Math.min(length, Math.max(0, to) * columns);
      setView((before) =>
        before.columns === columns && before.rows === rows && before.first === first && before.last === last
          ? before
          : { columns, rows, first, last },
      );
    };
    measure();
    const resized = new ResizeObserver(measure);
    resized.observe(element);
    addEventListener('scroll', measure, { passive: true });
    return () => {
      resized.disconnect();
      removeEventListener('scroll', measure);
    };
  }, [grid, length]);
  return view;
}
