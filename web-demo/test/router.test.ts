import { expect, it, vi } from 'vitest';

vi.stubGlobal('location', { pathname: '/', search: '', hash: '' });
vi.stubGlobal('addEventListener', () => undefined);
const { match } = await import('../src/app/router');

it('reads the values of a pattern, with or without a closing slash', () => {
  expect(match('/r/:room', '/r/018f-aa')).toEqual({ room: '018f-aa' });
  expect(match('/r/:room', '/r/018f-aa/')).toEqual({ room: '018f-aa' });
  expect(match('/', '/')).toEqual({});
  expect(match('/@:handle', '/@ada')).toEqual({ handle: 'ada' });
});

it('is strict about everything else', () => {
  expect(match('/r/:room', '/r/')).toBeUndefined();
  expect(match('/r/:room', '/r/a/b')).toBeUndefined();
  expect(match('/r/:room', '/R/a')).toBeUndefined();
  expect(match('/', '/r')).toBeUndefined();
  expect(match('/@:handle', '/ada')).toBeUndefined();
  expect(match('/@:handle', '/@')).toBeUndefined();
});

it('decodes what is escaped, and bears what is escaped wrongly', () => {
  expect(match('/p/:handle', '/p/zo%C3%AB')).toEqual({ handle: 'zoë' });
  expect(match('/p/:handle', '/p/%E0%A4%A')).toEqual({ handle: '%E0%A4%A' });
});
