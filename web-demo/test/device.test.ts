import { afterEach, expect, it, vi } from 'vitest';
import { givePage } from './page';

afterEach(() => {
  vi.unstubAllGlobals();
});

it('works where the browser keeps nothing for pages', async () => {
  givePage();
  vi.stubGlobal('window', {});
  Object.defineProperty(globalThis, 'localStorage', {
    configurable: true,
    get: () => {
      throw new DOMException('', 'SecurityError');
    },
  });
  const { rememberName, rememberedName } = await import('../src/app/store/client');
  rememberName('Ada');
  expect(rememberedName()).toBe('');
  const { startLanguage, t } = await import('../src/app/i18n');
  vi.stubGlobal('navigator', { languages: ['it'] });
  vi.stubGlobal('document', { documentElement: {} });
  await startLanguage();
  expect(t('bar.leave')).not.toBe('');
});
