// Languages that are spoken, out of the many: chips, and a list to add from.

import { LIMITS } from '../../sdk';
import { language, t } from '../i18n';
import { languageName } from '../i18n/dates';
import { Icon } from './icon';

/** Those of most speakers and of Europe; by their own BCP 47 tags, named in the reader's language. */
const SPOKEN =
  'ar bg bn ca cs cy da de el en es et eu fa fi fr ga gl he hi hr hu id is it ja ko lt lv mk ms mt nl no pl pt ro ru sk sl sq sr sv sw ta th tr uk ur vi zh'.split(
    ' ',
  );

export function languageOptions(): [code: string, name: string][] {
  return SPOKEN.map((code): [string, string] => [code, languageName(code)]).sort((a, b) =>
    a[1].localeCompare(b[1], language.value),
  );
}

interface LanguagesProps {
  label: string;
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

export function Languages({ label, chosen, onChange }: LanguagesProps) {
  return (
    <div class="field">
      {chosen.length > 0 && (
        <ul class="chips">
          {chosen.map((code) => (
            <li key={code} class="chip">
              {languageName(code)}
              <button
                type="button"
                class="chip-remove"
                aria-label={t('tags.remove', { tag: languageName(code) })}
                onClick={() => onChange(chosen.filter((other) => other !== code))}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <label class="field">
        <span>{label}</span>
        <select
          value=""
          disabled={chosen.length >= LIMITS.listMax}
          onChange={(event) => {
            const code = event.currentTarget.value;
            event.currentTarget.value = '';
            if (code !== '') onChange([...chosen, code]);
          }}
          data-testid="edit-languages"
        >
          <option value="">{t('edit.languages.add')}</option>
          {languageOptions()
            .filter(([code]) => !chosen.includes(code))
            .map(([code, name]) => (
              <option key={code} value={code}>
                {name}
              </option>
            ))}
        </select>
      </label>
    </div>
  );
}
